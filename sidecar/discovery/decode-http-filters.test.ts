import { expect, test } from 'vitest';
import {
  Buffer as BufferMessage,
  BufferPerRoute,
} from '../../proto/gen/envoy/extensions/filters/http/buffer/v3/buffer.ts';
import { Router } from '../../proto/gen/envoy/extensions/filters/http/router/v3/router.ts';
import { HttpFilter } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import { Empty } from '../../proto/gen/google/protobuf/empty.ts';
import { overrideProblems, packed, wrapped } from '../../test/harness/http-filters.ts';
import { decodeHttpFilters } from './decode-http-filters.ts';
import { Reader } from './reader.ts';

function read(...filters: [name: string, config: Any, more?: Partial<HttpFilter>][]) {
  const reader = new Reader();
  const decoded = decodeHttpFilters(
    reader,
    '',
    filters.map(([name, value, more]) =>
      HttpFilter.create({ name, configType: { $case: 'typedConfig', value }, ...more }),
    ),
  );
  return { names: decoded.map(({ name }) => name), problems: reader.problems };
}

const buffer = packed(BufferMessage, { maxRequestBytes: 1 });

test('filters are taken in their order, without the router', () => {
  expect(read(['b', buffer], ['a', buffer, { disabled: true }], ['router', packed(Router)])).toEqual({
    names: ['b', 'a'],
    problems: [],
  });
});

test('a filter that is not known is refused by path, unless it may be missing or is off', () => {
  const { problems } = read(
    ['x', packed(Empty)],
    ['y', packed(Empty), { isOptional: true }],
    ['z', packed(Empty), { disabled: true }],
  );
  expect(problems).toEqual([
    'http_filters[0].typed_config: unsupported type type.googleapis.com/google.protobuf.Empty',
  ]);
});

test('two filters of one name, one without a name, and one behind the router are refused', () => {
  expect(read(['a', buffer], ['a', buffer], ['', buffer], ['router', packed(Router)], ['b', buffer]).problems).toEqual([
    'http_filters[1].name: "a" is there twice',
    'http_filters[2].name: missing',
    'http_filters[3]: the router must be the last filter',
  ]);
});

test('what a route says to a filter is read, or refused by path', () => {
  const limit = packed(BufferPerRoute, { buffer: { maxRequestBytes: 1 } });
  expect(overrideProblems(wrapped({ config: limit }))).toEqual([]);
  expect(overrideProblems(wrapped({ config: packed(Empty), isOptional: true }))).toEqual([]);
  expect(overrideProblems(wrapped({ config: packed(Empty) }))).toEqual([
    'typed_per_filter_config["filter"].config: unsupported type type.googleapis.com/google.protobuf.Empty',
  ]);
  expect(overrideProblems(wrapped({}))).toEqual(['typed_per_filter_config["filter"].config: missing']);
  expect(overrideProblems(packed(BufferPerRoute, { disabled: false }))).toEqual([
    'typed_per_filter_config["filter"].disabled: must be true',
  ]);
});
