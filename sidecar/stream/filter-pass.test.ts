import { expect, test } from 'vitest';
import type { Filter, FilterCallbacks, FilterStatus } from '../filters/filter.ts';
import { type ChainEnds, RequestPass, ResponsePass } from './filter-pass.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import { Headers } from './headers.ts';

const requestHead = { method: 'POST', path: '/' } as RequestHead;
const responseHead = { status: 200 } as ResponseHead;
const bytes = (text: string) => Buffer.from(text);

/** Writes down the order of calls: each filter by its name, the ends by what they get. */
function record(filters: (calls: string[]) => Filter[]) {
  const calls: string[] = [];
  const ends: ChainEnds = {
    onRequestHeadPassed: () => calls.push('head'),
    onRequestDataPassed: (chunk, end) => calls.push(`data ${chunk}${end ? ' end' : ''}`),
    onRequestTrailersPassed: () => calls.push('trailers'),
    onResponseHeadPassed: () => calls.push('response head'),
    onResponseDataPassed: (chunk) => calls.push(`response data ${chunk}`),
    onResponseTrailersPassed: () => calls.push('response trailers'),
    onBodyAwaited: () => calls.push('body awaited'),
    onRequestHeld: () => calls.push('held'),
    onRequestReleased: () => calls.push('released'),
    onResponseHeld: () => calls.push('response held'),
    onResponseReleased: () => calls.push('response released'),
  };
  const list = filters(calls);
  const request = new RequestPass(
    list.map((filter) => () => filter),
    {} as FilterCallbacks,
    ends,
  );
  return { calls, list, request, response: new ResponsePass([...list].reverse(), ends) };
}

/** A filter that notes its name, and stops heads or data of requests when told so. */
function named(name: string, calls: string[], stop: { head?: boolean; data?: boolean } = {}): Filter {
  const note = (stops: boolean | undefined) => {
    calls.push(name);
    return stops ? 'stop' : 'continue';
  };
  return {
    onRequestHead: () => note(stop.head),
    onRequestData: () => note(stop.data),
    onResponseHead: () => note(false),
  };
}

test('requests run through the filters in order, responses backwards', () => {
  const { calls, request, response } = record((list) => [named('a', list), named('b', list)]);
  request.head(requestHead, false);
  response.head(responseHead, true);
  expect(calls).toEqual(['a', 'b', 'head', 'b', 'a', 'response head']);
});

test('a held head goes on behind the filter that held it, and what came meanwhile follows in order', () => {
  const { calls, list, request } = record((list) => [
    named('a', list),
    named('b', list, { head: true }),
    named('c', list),
  ]);
  request.head(requestHead, false);
  request.data(bytes('1'), false);
  request.trailers(new Headers());
  expect(calls).toEqual(['a', 'b', 'held', 'a']);
  calls.length = 0;
  request.resume(list[1] as Filter);
  expect(calls).toEqual(['c', 'head', 'b', 'c', 'data 1', 'trailers', 'released']);
});

test('a message that is held a second time keeps its order', () => {
  const { calls, list, request } = record((list) => [named('a', list, { head: true, data: true })]);
  const [a] = list as [Filter];
  request.head(requestHead, false);
  request.data(bytes('1'), false);
  request.data(bytes('2'), true);
  request.resume(a);
  expect(calls).toEqual(['a', 'held', 'head', 'a']);
  request.resume(a);
  expect(calls.slice(4)).toEqual(['data 1', 'a']);
  request.resume(a);
  expect(calls.slice(6)).toEqual(['data 2 end', 'released']);
});

test('two filters hold one message; it goes on when both let it', () => {
  const { calls, list, request } = record((list) => [
    named('a', list, { data: true }),
    named('b', list, { head: true }),
  ]);
  const [a, b] = list as [Filter, Filter];
  request.head(requestHead, false);
  request.data(bytes('1'), true);
  request.resume(a);
  expect(calls).toEqual(['a', 'b', 'held', 'a']);
  request.resume(b);
  expect(calls.slice(4)).toEqual(['head', 'b', 'data 1 end', 'released']);
});

test('a filter that buffers sees what comes, pauses nobody, and lets all go with its last word', () => {
  const seen: string[] = [];
  const buffering: Filter = {
    onRequestHead: () => 'buffer',
    onRequestData: (chunk, end): FilterStatus => {
      seen.push(chunk.toString());
      return end ? 'continue' : 'buffer';
    },
  };
  const { calls, request } = record((list) => [buffering, named('b', list)]);
  request.head(requestHead, false);
  request.data(bytes('1'), false);
  request.data(bytes('2'), true);
  expect(seen).toEqual(['1', '2']);
  expect(calls).toEqual(['body awaited', 'b', 'head', 'b', 'data 1', 'b', 'data 2 end']);
});

test('a filter may put other bytes in the place of data, and of trailers', () => {
  const replacing: Filter = {
    onResponseData: (chunk) => (chunk.length > 1 ? bytes('') : bytes(`<${chunk}>`)),
    onResponseTrailers: () => bytes('end'),
  };
  const { calls, response } = record((list) => [named('a', list), replacing]);
  response.head(responseHead, false);
  response.data(bytes('1'), false);
  response.data(bytes('22'), false);
  response.trailers(new Headers());
  expect(calls).toEqual(['a', 'response head', 'response data <1>', 'response data end']);
});

test('held data may go on in parts', () => {
  const holding: Filter = { onResponseData: () => 'stop' };
  const { calls, response } = record(() => [holding]);
  response.head(responseHead, false);
  response.data(bytes('12345'), false);
  response.resume(holding, 2);
  response.resume(holding, 2);
  response.resume(holding, 2);
  expect(calls.slice(1)).toEqual([
    'response held',
    'response data 12',
    'response data 34',
    'response data 5',
    'response released',
  ]);
});

test('after close nothing passes any more', () => {
  const { calls, list, request } = record((list) => [named('a', list, { head: true })]);
  request.head(requestHead, false);
  request.data(bytes('1'), true);
  request.close();
  request.resume(list[0] as Filter);
  request.data(bytes('2'), true);
  expect(calls).toEqual(['a', 'held', 'released']);
});
