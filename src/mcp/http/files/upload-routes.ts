import { mayUse } from '../../../state/subject.ts';
import { insufficientScope } from '../auth/authenticate.ts';
import { pathOf, type Route } from '../http-server.ts';
import { whyEncoded } from '../read-body.ts';
import { isRefusal, type Refusal, refuse } from '../refusal.ts';
import { UPLOAD_NAME, type Uploads } from './uploads.ts';

const BELOW = '/files/';

const wrongName: Refusal = {
  status: 400,
  error: 'wrong_name',
  message:
    'A file is named by up to 128 letters, digits, dots, - and _, the first of them no dot or -, and none encoded: PUT /files/rows.csv.',
};

const noSuchFile: Refusal = {
  status: 404,
  error: 'not_found',
  message: 'You have no file of that name here.',
};

/** The routes by which users upload files, each to their own folder. */
export function uploadRoutes(uploads: Uploads, metadataUrl: string | null): Route[] {
  return [
    {
      path: '/files',
      methods: ['GET'],
      access: 'users',
      async answer(_request, response, { name }) {
        const files = (await uploads.list(name)).map((file) => ({ ...file, name: `upload:${file.name}` }));
        respond(response, 200, { files });
      },
    },
    {
      path: { below: BELOW },
      methods: ['PUT', 'DELETE'],
      access: 'users',
      async answer(request, response, subject) {
        if (!mayUse(subject, 'batch:submit')) {
          return refuse(response, insufficientScope(metadataUrl, subject, 'batch:submit'));
        }
        const name = (pathOf(request) ?? '').slice(BELOW.length);
        if (!UPLOAD_NAME.test(name)) return refuse(response, wrongName);
        if (request.method === 'DELETE') {
          if (!(await uploads.remove(subject.name, name))) return refuse(response, noSuchFile);
          response.writeHead(204).end();
          return;
        }
        const encoded = whyEncoded(request);
        if (encoded !== null) return refuse(response, encoded);
        const kept = await uploads.take(subject.name, name, request);
        if (isRefusal(kept)) return refuse(response, kept);
        respond(response, 201, { ...kept, name: `upload:${kept.name}` });
      },
    },
  ];
}

type Response = Parameters<Route['answer']>[1];

function respond(response: Response, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
}
