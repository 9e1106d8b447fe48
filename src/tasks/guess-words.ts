/**
 * Names of arguments, each with words that agents try instead. A word may stand for several: the first that the call
 * knows is meant. Written in lower case without separators, so that `maxcost` covers `max_cost` and `maxCost`.
 */
export const KEYS: readonly [name: string, words: string][] = [
  [
    'requests',
    'tasks prompts items jobs inputs messages questions queries calls records entries list batch data',
  ],
  ['requests', 'corrections corrected fixes fixed updates updatedrequests newrequests replacements texts'],
  ['rows_file', 'csv csvfile csvpath inputcsv csvinput tsv table spreadsheet rows sheet dataset'],
  ['input_files', 'files paths folder directory dir glob globs pattern patterns documents'],
  [
    'requests_file',
    'file path filename filepath inputfile inputpath source taskfile tasksfile jsonl jsonlfile json',
  ],
  [
    'requests_file',
    'jsonfile promptsfile promptfile datafile requestfile requestspath csv csvfile rows files input',
  ],
  ['labels', 'categories classes labelset labelslist options choices classlabels'],
  ['retries', 'maxretries retry retrycount attempts maxattempts numretries autoretry'],
  [
    'effort',
    'reasoning reasoningeffort thinking thinkingeffort thinkinglevel thinkingbudget budgettokens verbosity',
  ],
  [
    'context_files',
    'context contextfile knowledge attachments attachment background sharedfiles references docs',
  ],
  ['split_chars', 'chunksize chunk chunkchars splitsize maxchars chunking chunklength'],
  ['input_files', 'exclude ignore include recursive recurse extensions'],
  ['id_column', 'idfield idcolumn keycolumn idkey primarykey idcol'],
  ['join_file', 'join merge lookup mergefile lookupfile'],
  ['from_batch', 'batchid parentbatch previousbatch basedon sourcebatch parent batch'],
  ['from_batch', 'frombatchid earlierbatch inputbatch priorbatch chain chainfrom dependson after'],
  ['prompt', 'promptcolumn textcolumn column inputcolumn newprompt'],
  ['merge', 'reduce combine fold aggregate groupsize mergesize groupby mergeby perrequest'],
  ['output_key', 'answerkey outputfield resultkey onlykey keepkey'],
  ['output_pattern', 'outputdir outputfolder outputdirectory outdir outputfiles filepattern'],
  [
    'output_file',
    'output out outfile outputpath outpath destination dest saveto savepath savein target export',
  ],
  [
    'output_file',
    'resultfile resultsfile resultspath exportfile writeto file path filename filepath format csv',
  ],
  ['output_file', 'outputformat outputdir outputfolder outputdirectory outdir outputfiles'],
  ['task_id', 'id key uid itemid rowid reference ref customid requestid name'],
  ['custom_id', 'id taskid requestid'],
  ['batch_id', 'id batch job jobid messagebatchid msgbatchid providerbatchid batchname'],
  ['task_ids', 'ids taskid tasks customids customid only requestids items'],
  ['task_type', 'type kind template tasktemplate operation category'],
  ['prompt', 'text question message instruction instructions userprompt usermessage query content ask input'],
  ['prompt', 'prompttemplate promptprefix sharedprompt messages'],
  ['input_data', 'input data variables vars context parameters values fields payload args arguments'],
  ['system', 'systemprompt systemmessage systeminstruction systeminstructions role persona preamble'],
  ['model_tier', 'tier quality size modelclass modelsize speed'],
  ['model', 'modelname modelid engine llm'],
  ['max_tokens', 'maxoutputtokens maxcompletiontokens tokenlimit maxlength outputtokens length'],
  [
    'output_schema',
    'schema jsonschema responseschema responseformat outputformat structuredoutput answerschema',
  ],
  [
    'expect',
    'expected expectedcolumn groundtruth truth gold golden goldcolumn labelcolumn compare target reference',
  ],
  ['max_tasks', 'limit first n maxitems maxrequests pilot top head sample samplesize numtasks count'],
  ['name', 'title batchname label description jobname tag'],
  [
    'max_cost_usd',
    'maxcost budget costlimit maxusd limitusd maxprice maxbudget budgetusd maxspend spendlimit',
  ],
  [
    'force_new',
    'force resubmit allowduplicate allowduplicates new again ignoreduplicate forceresubmit rerun',
  ],
  ['sandbox', 'mock fake demo simulate simulation test testmode trial'],
  ['detail', 'verbose verbosity full mode view summary details level'],
  ['processing_status', 'status state batchstatus statuses'],
  [
    'outcomes',
    'status state statuses outcome filter resulttype onlyfailed failedonly errorsonly failed failures',
  ],
  ['error_types', 'errortype errors error type types reason reasons cause causes errorcode'],
  ['cursor', 'page offset start next nextcursor token nexttoken pagetoken nextpage skip afterid beforeid'],
  ['limit', 'pagesize maxresults perpage size max take n count top first'],
  ['request_count', 'count numrequests requestscount numberofrequests totalrequests total n'],
  [
    'input_tokens_per_request',
    'inputtokens prompttokens avginputtokens tokensperrequest tokensin inputlength',
  ],
  [
    'output_tokens_per_request',
    'outputtokens completiontokens expectedoutputtokens avgoutputtokens tokensout',
  ],
  ['fields', 'columns select keys only returnfields'],
  ['sample', 'random randomsample samplesize preview head'],
  ['since', 'days hours lastdays lasthours age period'],
  ['processing_status', 'active finished done running filter'],
  ['output_schema', 'json jsonmode jsonoutput structured'],
  ['requests', 'newrequests correctedrequests'],
  ['replace', 'force all includesucceeded everything rerun overwrite'],
  ['outcomes', 'includeerrors includefailed onlyerrors succeededonly'],
  ['overwrite', 'replace force overwriteexisting overwritefile clobber'],
  ['wait_seconds', 'wait timeout timeoutseconds waitfor seconds maxwait block poll pollseconds waittime'],
  ['name_contains', 'name query search q contains filter text match title batchname'],
  ['since', 'from after startdate createdafter newerthan fromdate start date'],
  ['until', 'to before enddate createdbefore olderthan todate end'],
  ['group_by', 'group by aggregate breakdown sumby per'],
  ['include_remote', 'remote all includeall other others external'],
  [
    'remove_params',
    'remove drop dropparams without unset deleteparams exclude excludeparams removeparam params',
  ],
  ['dry_run', 'preview estimate simulate plan check test'],
  ['resolve', 'decision action settle resolution choice'],
];

/** Advice for words where a call takes none of the arguments that they may stand for. */
export const ADVICE: readonly [advice: string, words: string][] = [
  [
    'estimate_cost is the dry run: call it with the same arguments',
    'dryrun preview estimate validate check plan estimateonly validateonly checkonly previewonly',
  ],
  ['the ending of output_file says the format: .json, .jsonl, .csv or .md', 'format outputformat'],
  [
    'a parameter of the Messages API: give the request as {custom_id, params}',
    'temperature topp topk stopsequences stop tools toolchoice thinking metadata servicetier',
  ],
  [
    'the Messages API has no such setting: leave it out',
    'seed frequencypenalty presencepenalty logitbias logprobs bestof user',
  ],
  [
    'beta features are for the owner of the server to allow, in BATCH_MCP_BETAS',
    'beta betas anthropicbeta betaheaders headers extraheaders anthropicversion',
  ],
  [
    'documents in context_files are cached where that pays; a native request has its own cache_control',
    'cache caching promptcaching promptcache cachecontrol usecache cachettl',
  ],
  ['use output_schema and effort instead', 'outputconfig generationconfig inferenceconfig'],
  [
    'this call does not wait: end your turn, and look with batch_status later',
    'wait timeout poll webhook callback callbackurl notify waitseconds waitforcompletion waituntildone pollinterval pollseconds async sync blocking timeoutseconds timeoutms deadline oncomplete oncompletion email notifyurl notification schedule',
  ],
  [
    'no such setting is needed: a batch takes all tasks at once, ends within 24 hours, and is split automatically where it is too large',
    'concurrency maxconcurrency parallel parallelism workers threads batchsize ratelimit rpm priority completionwindow endpoint stream url method',
  ],
  [
    'the server has its own key: its owner sets ANTHROPIC_API_KEY',
    'apikey key token authorization authtoken baseurl',
  ],
  [
    'the separator and encoding of a table are detected',
    'delimiter separator sep encoding header hasheader skiprows',
  ],
  [
    'the server has its own provider; sandbox: true tries the call without paying',
    'provider live production environment',
  ],
  ['batch_status and get_results are for a single batch', 'batchid batchids'],
  [
    'get_results gives the answers',
    'includeresults results verbose details detail full includetasks includeanswers taskid taskids outcomes answers limit cursor',
  ],
  ['totals and group_by show what batches cost', 'totalcost cost costs spend spending includecost usage'],
  [
    'the answers come in the order of the tasks, and batches the newest first',
    'sort order orderby sortby reverse descending',
  ],
  [
    'get_results with output_file "….raw.jsonl" writes what the API sent',
    'raw rawresults includeraw rawjsonl',
  ],
  ['group_by groups batches by it, and name_contains finds them by name', 'model tasktype tag project'],
  [
    'submit_batch takes it, and uses the same figures: leave it out here',
    'sandbox mock name outputfile outputpattern outputkey forcenew retries maxcostusd maxcost budget',
  ],
  ['there is no confirmation: batch_id is all it takes', 'confirm force reason yes sure'],
  [
    'files are read from this machine: requests_file, rows_file or input_files',
    'inputfileid fileid fileids url urls',
  ],
];

/** Values of arguments, in the same form. */
export const VALUES: readonly [value: string, words: string][] = [
  ['ended', 'done complete completed finished finish success succeeded closed'],
  ['in_progress', 'running processing pending active open inprogress started validating'],
  ['submitting', 'queued sending preparing waiting'],
  ['canceling', 'cancelling'],
  ['not_sent', 'refused rejected unsent failed'],
  ['failed', 'failure failures error errors unsuccessful bad fail'],
  ['succeeded', 'success successful ok completed complete done passed succeed'],
  ['errored', 'error errors failure invalid'],
  ['incomplete', 'truncated refused refusal cut partial maxtokens'],
  ['canceled', 'cancelled cancel'],
  ['expired', 'timeout timedout expire'],
  ['pending', 'running processing open waiting inprogress'],
  ['cheap', 'fast fastest small low lowest cheapest haiku economy budget mini lite'],
  ['capable', 'medium default standard normal balanced sonnet mid middle regular'],
  ['premium', 'best high highest large opus smart strong max top quality pro'],
  ['full', 'all verbose long everything complete detailed high'],
  ['concise', 'short brief normal default compact list standard results'],
  ['summary', 'overview totals stats counts summarize low minimal min'],
  ['low', 'minimal minimum lowest least light little none fast cheap quick'],
  ['medium', 'med mid normal default standard moderate average balanced'],
  ['high', 'strong deep thorough hard detailed big'],
  ['xhigh', 'veryhigh extrahigh extra highest'],
  ['max', 'maximum most full ultra extreme'],
  ['task_type', 'type kind template'],
  ['model', 'models tier'],
  ['day', 'date daily days'],
  ['month', 'monthly months'],
  ['day', 'week weekly hour hourly'],
  ['project', 'folder workspace repo'],
];
