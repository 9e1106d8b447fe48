import path from 'node:path';

/** Names under which keys and credentials are kept. Those that start with a dot are left out anyway. */
const SECRET_NAME =
  /^(id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk)|(client_?)?secrets?(\.(json|ya?ml|toml|txt|env))?|(aws_?)?credentials?(\.(json|ya?ml|csv|txt))?|service[-_]?account.*\.json|.*[-_]adminsdk[-_].*\.json|[^.]*\.env|htpasswd)$/i;

const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----/;

export const isSecretName = (file: string) => SECRET_NAME.test(path.basename(file));

/** Whether a private key stands in the beginning of a text. */
export const holdsPrivateKey = (beginning: string) => PRIVATE_KEY.test(beginning);
