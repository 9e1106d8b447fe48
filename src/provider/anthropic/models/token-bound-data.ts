/**
 * What the vocabulary of ai-tokenizer 1.0.6 (`encoding/claude`) holds as one token each. Words are common in English prose and in
 * technical documentation, with and without a blank before them; `test/provider/anthropic/models/token-bound.test.ts` holds each against it.
 */
export const SINGLE_TOKEN_WORDS = `
  Accept Access Actions Add Added Adding Additional Address Adds Admin Advanced After Agent Agents All Allow Also Always American An Analytics And Anthony Any
  Apache App Apple Apps Archive Are Arguments Array As At Attributes Automatic Available Azure Base Basic Batch Because Before Beta Better Blob Body Boolean
  Both Browser Buffer Bug Build Built Bundle But Button By Cache Call Called Can Cannot Change Changed Changes Changing Chat Check Chrome Class Clause Client
  Clone Cloud Code Colors Command Commander Commands Community Console Const Content Contents Context Control Controls Convert Converts Cookie Copyright Core
  Cost Could Create Creates Credentials Current Currently Custom Data Date Default Defaults Delete Description Design Details Dev Dialog Disable Display Do
  Does Don Download Drop Each Edit Effective Email Empty Enable Encode Encoding End English Ensure Enterprise Enum Environment Error Errors Event Events Every
  Everything Exact Example Examples Exclude Execution Expected Express External Failed Fast Features Fetch File Files Filter Filters First Fix Fixed For
  Format From Fu Full Function General Get Getting Global Google Group Groups Handle Harris Header Headers Hello Help Here Hex Hi How However Human Identifier
  If Ik Import Important In Inc Include Initial Input Insert Install Instead Invalid Is It Item Its Japan Java Jon Jonathan Josh Just Keep Key Keys Kind
  Language Learn Legacy Length License Like Line Lines Linux List Logger Low Made Make Manage Map Mark Markdown Match Matches Math Maximum May Member Members
  Memory Message Messages Meta Metadata Methods Microsoft Minor Model Models Module More Most Move Multiple Must My Name Names Native Never New Ni No Node Non
  None Not Note Nothing Notification Now Null Number Numbers Object Objects Office On Once One Only Open Option Optional Options Or Organization Origin
  Original Other Our Output Override Package Page Pagination Parameters Params Parse Parser Parsing Partial Pass Path Pay Per Performance Permission Platform
  Player Please Plugin Plugins Policy Present Primitive Processing Product Profile Projects Promise Properties Protocol Provide Public Python Query Quick
  Range Re Read Record Reference Region Registry Regular Related Release Remove Removed Removes Repeat Replace Repository Request Required Requires Resources
  Response Result Results Retrieve Retry Return Returns Rich Role Router Rsp Ruby Rules Run Running Runs Runtime Rx Safari Same Schema Scheme Science Scope
  Security See Send Server Service Session Set Sets Setting Settings Shared Should Show Shows Simple Since Size Skill So Software Some Someone Sort Source
  Specify Split Standard Start Status Stop Store Stream String Studio Subject Subscription Support Supported Symbol System Table Tag Target Task Tech Terminal
  Test Testing Tests Text Thank Thanks That The Then There These They This Time Timeout Timestamp To Token Tool Total True Trust Tuple Turn Type Typed Types
  Unicode Union Unique Unknown Unlike Update Updated Upgrade Usage Use Used User Users Uses Using Validation Value Values Version View Visual We Web Website
  What When Where Whether Which While Who Why Will Windows With Without Work Works Workspace World Write You Your aa aaa ab abb abc able abort about above abs
  absent absolute abstract ac acc accept acceptance accepted accepts access accessed according account accounts ace ack across act acting action actions
  activate activated activation active activity actor actual actually ad adapter adb add added adding addition additional addr address addresses adds ade
  admin advanced ae af affect after again against age agent agents aggregated ago ai ajax algebra algorithm alias aliases align all alloc allow allowed allows
  alone along alpha already also alt alternative always am ambiguous among amount an analysis analytics ancestor anchor and animal animate animation
  annotation anonymous another answer answered answers ant any anything anywhere apache api app appear append apple application applications applied apply
  approach appropriate approval approve approved apps archive archived are aren arg args argument arguments argv arm around arr array arrays arrival arrow
  artifact artifacts as asc ask asks assert assets assign assigned assignment assignments assistant associated ast async at atm atoms attach attached
  attachment attacks attempt attempts attribute attributes aud audio audit auth author auto automatic available avatar avoid await aware away aws azure ba bab
  back backend background backwards bad badge balance balanced bank banner bar bare base based baseline bases bash basic basis batch batches baz bb bc bd be
  bec because become been before begin behavior behaviour behind being below bench benchmark best beta better between bf bill billing bin binary bind binding
  bit bits blank blob block blocked blocking blocks blog blue bodies body bold boolean both bounce bound boundary bounded bounds br brace bracket brackets
  branch brand break breaking breaks broad broadcast broken browser bucket buckets budget buf buffer buffered buffers bug bugs build building builds built
  builtin bump bundle bundles business but button by byte bytes ca cab cac cache cached caching cad call callable callback callbacks called caller calling
  calls came campaign can cancel cancelled candidate cannot canonical cap capabilities capability capped caps capture card cards carry case cases cash cat
  catch categories category cause cb cc cd ce ceiling center certain certificate certificates cf chain challenge challenges change changed changelog changes
  changing channel channels char character characters charge charged charges chars charset charts chat check checked checking checks cheese child children
  choice choose chosen chrome chunk chunks ci circular citation citations claim claimed claims class classes clean cleanup clear cli click clicked client
  clients clone close closed closing closure cloud cmd co code codec codes coffee collect collected colon color colors column columns com combination combine
  combined come comes coming comma command commands comment comments commit commits common community compact companies company compare comparison compat
  compatible compile compiled compiler complete completed completely completion complex compliance component components compressed compression computed
  computer concat concrete condition conditions conduct config configs configure configured confirm confirmation conflict conflicts connect connected
  connection connections connector consider consistent console const constant constants constrain construction constructor consult consume consumed consumer
  consuming contact contain contained container containing contains content contents context continuation continue contract contrib contributor contributors
  control controlled controller controls conversation conversion convert converted converter convex cookie cookies coordinator copied copies copy copyright
  core corner correct correctly cost costs could count countdown counted counters counting countries country counts cover coverage covered covers crash create
  created creates creating creation creator credential credentials credit creds cron cross crypto css csv ctrl ctx curl currency current currently cursor
  custom customer cut cuts cwd cycle da dad daily dark dash data database date datetime daughter david day days db dc dd de dead deal deb debit debug decide
  decimal decision declaration declare declared decode decoded decoder decoding decrypt deep def default defaults defer define defined defines defining
  definition definitions defs delay delete deleted deletes delimiter deliver delivered delivery delta deltas demo denied deny dep depend dependencies
  dependency depends deployment deposit depot deprecated deps depth derived desc descending describe described description descriptions design designed
  desired dest destination destroy detail detailed details detect detected detection determine dev developer development device df dialog did diff difference
  different diffs digest digits dimension dimensions dir direct direction directive directives directories directory dirname disable disabled discord discount
  discovery discussion disk dispatch display displayed disposition dist distance distinct distribute distribution div division dm do doc docs document
  documents does doesn doing dom domain domains don done dont dot dots double down download downloaded downloads draft drag drain dream drink driver drop
  dropped drops due duplicate duplicates duration during dw dy dynamic ea each early easy eb ec ecc ecd echo ed edge edit editor ee ef eff effect effective
  effects effort either element elements else em email embedded emit emoji empty en enable enabled encode encoded encoder encoding encodings encrypt encrypted
  encryption end ended ending endpoint endpoints ends engine engines enough ensure enter entity entries entry enum env environment environments ephemeral
  equal equality equals equivalent err error errors es escape escaped especially estimate estimated et etag etc ev eval evaluation even event events ever
  every everything exact exactly example examples except exception excess exchange exclude excluded excluding exclusive exe exec executable execute executed
  executing execution exist existing exists exit expand expanded expansion expect expected experimental expire expired expires explain explanation explicit
  exponential export exported exports expose exposed express expression expressions extend extended extends extension extensions external extra extract
  extracted fa fac factory fade fail failed fails failure failures fall fallback falls false family far fast faster fb fc fd fe feature features fed fee feed
  feel fees fetch fetched few ff field fields file filename files filesystem fill filled filter filtered filtering filters final finally find fine finish
  finished fire fires first fix fixed fixes fixtures flag flags flat flatten flight float floating flush fn focus folded folder folders follow followed
  following font foo for force forced foreign forever forget fork form format formats formatted formatter forms forward found four fr fragment free freeze
  fresh friendly from fs full fully function functions funding funds further future gate gen general generate generated generating generation generator
  generators generic generics geo geos get gets getting gg gh git github give given giving glob global gmail go going gone good google got grammar grant
  graphs greedy green grep group grouped groups gt guard guards guide gz gzip had half hand handle handled handler handlers handles handling hard has hash
  have haven having head header headers health heartbeat height held hello help helper helpers here hex hi hidden high higher highlight hint history hit hold
  holding holds home homepage hook hooks hop horizontal host hosted hostname hosts hour hours how href html http httpd https human icon icons id identical
  identified identifier identifiers identify identity idle ids idx ie if ignore ignored im image images img implement implemented implements implicit import
  important imported imports improvement in inactive include included includes including inclusive incoming incomplete incorrect increase indentation
  independent index indexed indices individual infer inference info information inherited init initial injected inline inner input inputs insensitive insert
  inside inspect inspector install installation installed instance instances instead instructions integer integration interactive interface interfaces
  internal interrupt intersection interval into intrinsic invalid invite invoke io ip ipaddr ipv is isn iso issue issuer issues it item items iter iterable
  iterate iteration iterations iterator its ja javascript jitter job jobs join joined jp js json just jwt kb keep keeping kept key keys keyword keywords kill
  killed kind kinds know known label labels lag land language languages large last later latest layer lazy le lead leading leak learn lease least leave leaves
  left legacy length less let lets letter letters level levels lexer lib libraries library license licenses life lifetime lift light like likely limit limited
  limits line lines link linked linking links lint linux list listed listen listener listeners listening listing lists literal literals live ll load loaded
  loader loading loc local locale localhost location locations lock log logged logger logging logic login logo logs long longer look looking lookup loop loose
  lost low lower lowercase ls lt machine macro made magic main maintenance major make makes making manage managed management manager mandatory manifest manual
  many map mapped mapping mappings maps mark markdown marked marker marks markup mask master match matched matcher matches matching math max maximum may maybe
  mb md me mean meaning means measure measured media medium member members membership memory merge merged message messages met meta metadata method methods
  metric metrics mid middle middleware might migrate migration milestone million milliseconds mime min minimal minimum minor minute minutes mismatch missing
  mixed mock mod mode model models modern modes modification modified modify module modules moment money monitoring month monthly more morning most mostly
  mount mounted mouse move moved mp ms msg much multi multiline multipart multiple must my na name named names namespace namespaces narrow native navigate
  navigation necessary need needed needs negative nested net network never new newline newlines next no node nodes non nonce none nor normal normalize
  normalized normally not notation note notes nothing notice noticed notification notifier now ns null nullable num number numbers numeric oauth obj object
  objects observed observer occur of off offer office official offset often ok old older omit on once one ones online only onto op opacity open opened opening
  opens operand operation operations operator operators ops opt option optional options opts opus or order ordered ordering ordinary org organization origin
  original os oss other others otherwise our ours out outcome outer output outputs outside over overlap override overrides overview overwrite own owned owner
  owns pack package packages padding page pages paginate pagination paid pair pairs para param parameter parameters params parent parentheses parse parsed
  parser parsers parsing part partial partition parts party pass passed passes passing password past patch patched patches path pathname paths pattern
  patterns pause paused pay payload payment payments pdf peer pending people per percent perf perform performance performed period permanent permission
  permissions persistent person personal persons phase phone physical pick picture pid pin pins pipe pipeline pizza pkg pl place placeholder places plain plan
  platform platforms play please plugin plugins plus pm png point pointer points policy poll polling pop populate populated port portion position positional
  posix possible post posted posts potential pre predicate prefer preference preferred prefix prefixes present preserve pretty prevent preview previous price
  prices pricing primary primitive principal print prior priority private probably probe problem problems proc process processed processes processing produce
  produced producing product production products professional profile profiles program programs progress project projects prompt prop propagate propagation
  proper properties property props protected proto protocol prototype provide provided provider provides proxy pt public publish published pull punctuation
  purchase pure purpose push put px qs que query questions queue queued quick quote quoted quotes race raise ran rand random range ranges rank ranking rate
  rates rather raw rc re reach reached react read readable reader reading readme readonly reads ready real really reason receive received recent recently
  recipient recognize recommend recommended record recorded records recursive red redirect redirects reduce ref refer reference references refine reflect
  refresh refs refund regex regexp region register registered registration registry regression regular reject rejected rel related relative release released
  releases relevant remain remaining remote removal remove removed removing rename render rendered repeat repeated replace replaced replacement replay reply
  repo report reported reporting reports repos repository represented req request requested requester requests require required requirement requires res
  research reserved reset resolution resolve resolved resource resources resp respect response responses responsible rest restart restore restrict restricted
  restriction result results resume retries retrieve retry return returned returning returns reverse revert review revision rfc rg rgb right rights risk rng
  role roles rolling room root roots roster rotate rotation round rounded route router routes routing row rows rs ru rule rules run runner running runs
  runtime rx safe said salary same sample sampled samples sandbox save saved say scalar scale scan schedule scheduled scheduler schema schemas scheme science
  scope scoped scopes screenshot script scripts scroll sdk search seat sec second seconds secret section secure security see seed seeing seen segment segments
  select selector self sell seller semantic send sending sensitive sent sentinel sep separate separated separator sequence sequences serialize serialized
  serve served server servers serves service services serving session sessions set sets setting settings settled setup several sh sha shall shape shaped
  shapes share shared shares shell shift short should show shown shows side sign signal signals signature signatures signed signing similar simple simplify
  since single site size skill skills skip skipped skipping slack slash sleep slice slide slow slug small smaller snapshot so socket software solution some
  something soon sort sorted source sources space spaces span spans spawn spec special specific specified specify speed spend spin split sponsor spread square
  src ss sse st stable stack stage stale stand standalone standard stars start started starting starts stat state statement statements states static stats
  status statuses stay std stderr stdin stdout step steps still stop stopped stopping stops storage store stored stores str strategy stream streaming streams
  strict string strings strip stripped strong structure structured stuff style styles sub subclass subcommand subject submission submit submitted subnet
  subscribe subscription succeeded success successful successfully such suffix suite sum summaries summary sup super supplied supply support supported
  supports suppress sure surface surfaces svg switch symbol symbols symlink sync syntax system systems tab table tabs tag tagged tags tail take taken takes
  taking tap tape tar target targets task tasks tc td team teardown tech tell template templates temporary tenant term terminal terminate terminated terms
  test tested testing tests text th than thanks that the their them theme themes then there these they thing things think thinking third this those though
  thought thread threading threads three threshold throttle through throw tier time timed timeout timer times timestamp timezone timing tiny title tmp to
  today todo together token tokenizer tokens told too took tool tools top total totals tr trace tracer traces tracing track tracker tracking trailing
  transaction transactions transfer transform transforms translate transparent transport traverse treat treated tree trigger triggered trim trip triple true
  truncated trust try trying ts ttl tunnel turn turned turns tutorial twice twitter two txt type typed typeof types typically typing ui un unable unavailable
  unchanged undef undefined under underline undo unfinished unicode unicorn unified union unique unit units unknown unless unsafe unset unsupported until
  unused unzip up update updated updates updating upgrade upload uploaded uploads upon ups upstream uri url urls us usable usage use used useful useless user
  username users uses using usr usual usually utf util utilities utility utils uuid val valid validate validated validation validator value values var
  variable variables variant variants varies various vars vary vault ve vendor verbose verification verified verify version versions vertex very via video
  view viewed virtual visa visible visit visual void vs wait waiting walk walker wallet want wanted warn warning warnings was watch way ways we weak web
  webhook website websocket week weekly welcome well went were what whatever when where whether which while white whitespace who whole whose why wide width
  wiki wildcard will win window windows wire wish with withdraw within without won word words work worked worker workflow workflows working workload works
  workspace world would wrap wrapped wrapper writable write writes writing written wrong wrote ws www xml xp xs xx xyz yaml yesterday yet yield yn you your
  zero zh zip zlib zone zoom
`;

/** Characters outside ASCII and inside the basic plane, as code points or ranges of them in base 36. */
export const SINGLE_TOKEN_CHARACTERS = `
  42-44 47 4h-4j 4m-4n 4p 4r 4t-4u 4w-4x 52-53 57 5b 5d-5f 5h 5j 5l 5p 5v 5z 64 67-6u 6w-72 75 77 79
  7b 7h 7l 7t 7v 7z 8b 8h 8y 90 99 9d-9f 9l 9n 9r 9t 9v a3 a7 ai ak am c0 ex ez gr jq pg q9-qb qd
  qg-ql qn-qp qr-qs qu qx sw-t1 t3-t4 t6-th tj tr-un up us uu-uw uy 15c-15d 15f-15h 15j-15l 15n-15o
  15q 15s 15u 15w 15z-162 17r-17u 17w-17z 181-185 187 189 18h-18q 1bd 1cc 1s2 1sl 1t0 1t4 1ta 1tc 1te
  1tk-1tl 1tq-1ts 1tz-1u0 1u3 1u5 1xa 2pd 2pv 2q2 2q7 2qa 2st 2sy 2tl 35s-35t 35w-35x 362 368 36c-36d
  36h 36j-36k 36m 370-371 373-375 37a-37c 37e-37i 37u 3bk 3bo 3bs 6bv 6c0 6c3-6c5 6c8-6c9 6cc-6ci 6cs
  6cy 6dg 6gc 6mp-6mr 6qa 6qf 6qi 6ra 6sl 7b4-7b5 7b7 7bc 7bn 7bv 7dc 7dj 7dm 7dp 7e4 7eo 7es 7ew 7f0
  7f4-7f6 7fk 7fw 7gv 7i3-7i4 7ke 7kj 7l6 7ny 7ti 7wg 83j 8ij-8ik 9hd-9he 9ho-9hp 9hs-9ht 9j6 9j8 9ja
  9jc 9je-9jh 9jj 9jl 9jn 9jp 9jr 9jt 9jv 9jx 9jz-9k1 9k3-9k4 9k6-9kb 9ke-9kg 9ku-9kv 9kx-9ky 9l0
  9l4-9l8 9lb 9le-9lf 9lu-9lw 9ly-9m0 9m2-9m3 9m5 9m7-9m8 9mb 9md 9mf-9mh 9mj 9mn 9mr 9mu-9mx 9n5
  9n9-9nb 9ni 9nk-9nl 9np 9nr 9nt-9nx 9o3 9ob-9oc feo fev fex-fez ff1-ff2 ff7-ff8 ffe ffg ffo ffu ffx
  fg2 fg4 fga-fgb fgo-fgp fgr fgw fh4 fhb-fhc fhi fhs fie fij-fik fim fip-fiq fis fiz fj8 fjb fjg fju
  fk0 fk5 fka fke fkj fkm fko fkz-fl1 fl8 fli-flj fln flp flt fmg fmi fmo fng fnq fnx fo3 fo5 fo9 foc
  fog fpb fpn fq3 fq5 frx fs1 fse ft7 ftl ftw fuk fuv fve fvg fxk fyn g1v g1x g20-g21 g23 g2t g2w g30
  g35 g37-g38 g3a-g3c g3p g3w-g3x g49 g4z g51 g5i g5r g68 g6y-g6z g7a-g7b g7m g7r g7t g7x g89 g8b g8g
  g8m g99 g9z gaa gbf gbj-gbl gbs-gbt gd1 ged geu-gev gft-gfu gg1 gga gge ggl ggn ggq ggw-ggx ghc ghf
  ghy gin gjf gjj gjm gju gjw-gjx gk1 gk6-gk8 gkj-gkl gkq gkv-gkw gkz gl3-gl4 glg glk-gll glo-glq glt
  gme gmj gmn gne gns go8 got gp8 gqp gqw gr1 gue h2g h5n h5q h5s h5u h6c h6l-h6m h7j h7s h80 h8a h8g
  h8n h8w h93 haj hce hcv hdm hf5 hf8 hgr hhf hi6 hl0 hl3 hl5 hl9 hli hlm hlz hm1-hm2 hm9 hmc hmh hod
  hoi hqj i1c i1j-i1k i1y i2p i2r i2x i30 i3e i3i-i3j i3m i43 i46 i49 i4m i61 i64 i66 i6c i6e i6n i6p
  i6s i7l i7y i80 i82 i8f i8l i8u i9d icw ijh-iji ijp-ijq ijy ik1-ik2 iki-ikj ili im0 inn-ino inq inz
  io6 iof ioj-iok ion ip2 ire irk irm irz is5 isg it5 itu-itv itx iua iup iv8-iv9 ivc ivg ivr iwe iwn
  iwz ix1 ixj iyp izh izr j0b j1r j3c j45 j5f j67 j6n jdb-jdd jdi je2 jef jen-jeo jez jf1 jf7 jfr jft
  jg9 jge-jgg jgq jh1 jhh jih jj3 jjd jjg jk1 jk7 jk9 jmn jmq jn2 jnt jo2 jol jon-joo jpr-jps jq3 jrw
  jvx jzj jzq jzt jzy-jzz k08 k0p k1c k1g k1k k1z k2h k31 k34 k3d k3z k47 k4g k4l k52 k5o k5q k5v
  k67-k68 k6n k72 k76 k8e-k8f kc2 kc4 kcf-kcg kco-kcp kct kdb kdm kdo kdr ke2 keb kf3 kf5 kf9 kfz kg4
  kgg kgn kgs kit kjr kjz kk1 kkh kl3-kl5 kl8 kli klk kmb kow ku4 kua kyh kyp l5t l7m-l7q l9x lal lan
  las lch ldg ldk ldu len-leo lgh lgz lh7 lhx lia lig lkr lkx ll7 lmf lmw lpt lqd lrs lsm lu8 lw1 lwh
  lwk m9l-m9m mb1 md2 mef mjw mk6 mkn-mko mks mll mm1 mnq mtj mtn mun-muo mwu mx2 n4v n54 n5d n5f n5h
  n5n n64 n6t nei-nej nel-nem nes ngx nh4 nhq nhw ni0 ni9 nij nj3 nk0 nol nop not noz npd nse ny2 ny6
  nz2 nzc o1n o25 o29-o2a o33-o34 o3f o3v o6y o75 o7r o97 o9l o9s oa7 obq obw ocp od0 od2 oe6 oe8 oev
  of5 ofl ol7 on2 oor ops opu or4 ouy p0i p0m-p0n p1b p1f-p1g p1i p1k p1r p1v p20-p21 p24 p27 p2f p2l
  p2s p3q p49 p5d p62 p66 p7o pa9 pab pad pak pck pcq pep pf6 ph9 pnu po3-po4 prm ps2 ptd put pv5 pvn
  q0n q1o qfj qx8 qy0 qzv r0l r5r r5t r7l r7o r7q r7s r82 r8j r9c r9k ral rkx-rky rl0 rl5 rl9-rla rlc
  rlk rlm rlq-rlr rlt rlw rly rm5 rmd rml rmq rmt-rmu rn1 rn3 rn8 rnb rnf rni rnn rq9 rt3 rvj rvn
  rvp-rvq rvs rvx rw9 rwk rxz ryd rzn s0t s1b s1f s6j sag sbq sbw sby-sbz sc4 scd scj scx scz se1 se6
  sef seo-sep ses sew-sex sez sf2 sfh sfk sfx sg0-sg1 sg9 sgi sgq sgv-sgw si5 sib skj sku smg sn1 sp9
  ssn ssq sss-sst ssv ssx tc8 tda tfa tfi tfk tg9 tgu tj3 tjf tjn tk2 tm0 tm5-tm6 tmc tmj tnj to2-to3
  to5 tol-tom tow tpe tpg tqn tqs ts6 tti tts tw2 twe twi u0j u45 u49-u4b u4k u4x u54 u58-u59 u72 uc6
  ui4 uj0 ul4 vdd vdk vgy vix xz4 xz8 xzm xzw y30 y4d y5c y64 y98 yd4 yeo yfg yvs ywk z9w zbc zc4 zc8
  zcp zcw zic zix zko zks zq4 zqc 108s 109k 10ax 10bw 10dh 10f0 10i4 10n0 10n8 10oc 10p8 10tw 10zc
  114o 118o 11bo-11bp 11fk 11fo 1224 1228 122p 122x 1258 125t 1260 128c 12c8 12g4 12gl 12ho-12hp 12ys
  130c 131w 132o 133g 133o 1350 135s 1384 138p 138w 139s 13b8 13cs 13cw 13d0 13d8 13dk 13ec 13eg 13ek
  13et 13f4-13f5 13fp 13fw 13ic 13it 13j0 13p8 13uo 13w8 14rc 1564 15bk 15mg 1654 1658 165c 165l 165w
  166h 16bc 16c4 16c8 1e6n 1edb 1ekd
`;
