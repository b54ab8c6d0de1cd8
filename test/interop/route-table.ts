/** A `HeaderValueOption`. */
export const add = (key: string, value: string, append_action = 'APPEND_IF_EXISTS_OR_ADD') => ({
  header: { key, value },
  append_action,
});
const to = (more: object = {}) => ({ cluster: 'app', ...more });
const header = (more: object) => [{ name: 'x-h', ...more }];
const rewrite = (regex: string, substitution: string) => ({ pattern: { regex }, substitution });
const retry = (retry_on: string, more: object = {}) => ({
  retry_policy: { retry_on, num_retries: 2, retry_back_off: { base_interval: '0.005s' }, ...more },
});

const routes: object[] = [
  { match: { path: '/exact' }, route: to() },
  { match: { path: '/CaseLess', case_sensitive: false }, route: to({ prefix_rewrite: '/was-caseless' }) },
  { match: { path_separated_prefix: '/seg' }, route: to({ prefix_rewrite: '/other' }) },
  { match: { prefix: '/pre' }, route: to({ prefix_rewrite: '/x/' }) },
  { match: { safe_regex: { regex: '/re/[0-9]+' } }, route: to({ regex_rewrite: rewrite('/re/([0-9]+)', '/n/\\1') }) },
  {
    match: { prefix: '/h', headers: header({ range_match: { start: '-2', end: '5' } }) },
    route: to({ host_rewrite_literal: 'range.example' }),
  },
  {
    match: { prefix: '/h', headers: header({ string_match: { prefix: 'ab' } }) },
    route: to({ host_rewrite_literal: 'prefix.example' }),
  },
  {
    match: { prefix: '/h', headers: header({ string_match: { suffix: 'YZ', ignore_case: true } }) },
    route: to({ host_rewrite_literal: 'suffix.example' }),
  },
  {
    match: { prefix: '/h', headers: header({ string_match: { contains: 'mid' } }) },
    route: to({ host_rewrite_literal: 'contains.example' }),
  },
  {
    match: { prefix: '/h', headers: header({ string_match: { exact: '' }, treat_missing_header_as_empty: true }) },
    route: to({ host_rewrite_literal: 'empty.example' }),
  },
  {
    match: { prefix: '/h', headers: header({ present_match: true, invert_match: true }) },
    route: to({ host_rewrite_literal: 'absent.example' }),
  },
  {
    match: { prefix: '/h', headers: header({ string_match: { exact: 'no' }, invert_match: true }) },
    route: to({ host_rewrite_literal: 'not-no.example' }),
  },
  {
    match: { prefix: '/q', query_parameters: [{ name: 'a', string_match: { safe_regex: { regex: '[0-9]+' } } }] },
    route: to({ host_rewrite_literal: 'number.example' }),
  },
  {
    match: { prefix: '/q', query_parameters: [{ name: 'a', present_match: true }] },
    route: to({ host_rewrite_literal: 'present.example' }),
  },
  { match: { prefix: '/grpc', grpc: {} }, direct_response: { status: 418 } },
  {
    match: { prefix: '/never', runtime_fraction: { default_value: { numerator: 0 } } },
    direct_response: { status: 418 },
  },
  {
    match: { prefix: '/byheader' },
    route: { cluster_header: 'x-cluster', cluster_not_found_response_code: 'NOT_FOUND' },
  },
  { match: { prefix: '/hosth' }, route: to({ host_rewrite_header: 'x-host', append_x_forwarded_host: true }) },
  {
    match: { prefix: '/hostp' },
    route: to({ host_rewrite_path_regex: rewrite('^/hostp/([a-z]+)/.*$', '\\1.example') }),
  },
  { match: { prefix: '/red1' }, redirect: { https_redirect: true } },
  {
    match: { prefix: '/red2' },
    redirect: { host_redirect: 'new.example', path_redirect: '/gone', response_code: 'FOUND' },
  },
  { match: { prefix: '/red3' }, redirect: { prefix_rewrite: '/moved', strip_query: true, response_code: 'SEE_OTHER' } },
  {
    match: { prefix: '/red4' },
    redirect: { regex_rewrite: rewrite('^/red4/(.*)$', '/r/\\1'), response_code: 'PERMANENT_REDIRECT' },
  },
  { match: { prefix: '/red5' }, redirect: { port_redirect: 8443, response_code: 'TEMPORARY_REDIRECT' } },
  {
    match: { path: '/direct' },
    direct_response: { status: 202, body: { inline_string: 'inline' } },
    response_headers_to_add: [add('x-r', 'direct')],
  },
  {
    match: { prefix: '/mut' },
    route: {
      weighted_clusters: {
        clusters: [
          {
            name: 'app',
            weight: 1,
            request_headers_to_add: [add('x-order', 'cluster')],
            response_headers_to_add: [add('x-r', 'cluster')],
          },
        ],
      },
    },
    request_headers_to_add: [
      add('x-order', 'route'),
      add('x-overwritten', 'new', 'OVERWRITE_IF_EXISTS_OR_ADD'),
      add('x-absent', 'added', 'ADD_IF_ABSENT'),
      add('x-present', 'ignored', 'ADD_IF_ABSENT'),
      add('x-exists', 'replaced', 'OVERWRITE_IF_EXISTS'),
      add('x-exists-not', 'never', 'OVERWRITE_IF_EXISTS'),
      add('x-from', '%REQ(x-given?:method)% %REQ(:authority)% %PROTOCOL% 100%%'),
      add('x-empty', '%REQ(x-none)%'),
    ],
    request_headers_to_remove: ['x-gone'],
    response_headers_to_add: [add('x-r', 'route'), add('x-code', '%RESPONSE_CODE%')],
    response_headers_to_remove: ['x-upstream'],
  },
  { match: { prefix: '/retry5xx' }, route: to(retry('5xx')) },
  { match: { prefix: '/retrygateway' }, route: to(retry('gateway-error')) },
  { match: { prefix: '/retry4xx' }, route: to(retry('retriable-4xx')) },
  { match: { prefix: '/retrycodes' }, route: to(retry('retriable-status-codes', { retriable_status_codes: [418] })) },
  {
    match: { prefix: '/retryheaders' },
    route: to(retry('retriable-headers', { retriable_headers: [{ name: 'x-again', present_match: true }] })),
  },
  { match: { prefix: '/retrylimited' }, route: to(retry('5xx')) },
  { match: { prefix: '/noretry' }, route: to() },
  { match: { prefix: '/slow' }, route: to({ timeout: '0.3s' }) },
  { match: { prefix: '/' }, route: to({ host_rewrite_literal: 'rest.example' }) },
];

/** Virtual hosts with everything that a route may ask for, in the JSON of Envoy's bootstrap. */
export const virtualHosts: readonly object[] = [
  {
    name: 'tls',
    domains: ['secure.example'],
    require_tls: 'ALL',
    routes: [{ match: { prefix: '/' }, route: to() }],
  },
  {
    name: 'all',
    domains: ['*'],
    include_attempt_count_in_response: true,
    include_request_attempt_count: true,
    request_headers_to_add: [add('x-order', 'host')],
    response_headers_to_add: [add('x-r', 'host')],
    routes,
  },
];
