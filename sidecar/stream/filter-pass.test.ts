import { expect, test } from 'vitest';
import type { Filter } from '../filters/filter.ts';
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
    onRequestHeld: () => calls.push('held'),
    onRequestReleased: () => calls.push('released'),
    onResponseHeld: () => calls.push('response held'),
    onResponseReleased: () => calls.push('response released'),
  };
  const list = filters(calls);
  return { calls, request: new RequestPass(list, ends), response: new ResponsePass(list, ends) };
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
  const { calls, request } = record((list) => [named('a', list), named('b', list, { head: true }), named('c', list)]);
  request.head(requestHead, false);
  request.data(bytes('1'), false);
  request.trailers(new Headers());
  expect(calls).toEqual(['a', 'b', 'held']);
  calls.length = 0;
  request.resume();
  expect(calls).toEqual(['c', 'head', 'a', 'b', 'c', 'data 1', 'trailers', 'released']);
});

test('a message that is held a second time keeps its order', () => {
  const { calls, request } = record((list) => [named('a', list, { head: true, data: true })]);
  request.head(requestHead, false);
  request.data(bytes('1'), false);
  request.data(bytes('2'), true);
  request.resume();
  expect(calls).toEqual(['a', 'held', 'head', 'a', 'held']);
  request.resume();
  expect(calls.slice(5)).toEqual(['data 1', 'a', 'held']);
  request.resume();
  expect(calls.slice(8)).toEqual(['data 2 end', 'released']);
});

test('after close nothing passes any more', () => {
  const { calls, request } = record((list) => [named('a', list, { head: true })]);
  request.head(requestHead, false);
  request.data(bytes('1'), true);
  request.close();
  request.resume();
  request.data(bytes('2'), true);
  expect(calls).toEqual(['a', 'held']);
});
