import { HeaderMutation as Step } from '../../../proto/gen/envoy/config/common/mutation_rules/v3/mutation_rules.ts';
import {
  HeaderMutation,
  HeaderMutationPerRoute,
  Mutations,
} from '../../../proto/gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation.ts';
import type { Any } from '../../../proto/gen/google/protobuf/any.ts';
import type { HeaderMutationConfig, HeaderMutations } from '../../filters/header-mutation.ts';
import type { HeaderStep } from '../../route/route-table.ts';
import { decodeAddition, decodeRemoval } from '../decode-mutation.ts';
import { fieldsOf } from '../message-fields.ts';
import { join, type Reader } from '../reader.ts';
import type { DecodedOverride } from './decoded-override.ts';

export const headerMutationFilterFields = fieldsOf(HeaderMutation, {
  supported: ['mutations', 'mostSpecificHeaderMutationsWins'],
});

export const headerMutationPerRouteFields = fieldsOf(HeaderMutationPerRoute, { supported: ['mutations'] });

export const mutationsFields = fieldsOf(Mutations, { supported: ['requestMutations', 'responseMutations'] });

export const headerMutationFields = fieldsOf(Step, { supported: ['action.remove', 'action.append'] });

export function decodeHeaderMutation(reader: Reader, path: string, packed: Any): HeaderMutationConfig | undefined {
  const message = reader.unpack(path, packed, HeaderMutation);
  if (message === undefined) return undefined;
  reader.only(path, message, headerMutationFilterFields);
  return {
    ...readMutations(reader, join(path, 'mutations'), message.mutations),
    specificLast: message.mostSpecificHeaderMutationsWins,
  };
}

export function decodeHeaderMutationOverride(reader: Reader, path: string, packed: Any): DecodedOverride | undefined {
  const message = reader.unpack(path, packed, HeaderMutationPerRoute);
  if (message === undefined) return undefined;
  reader.only(path, message, headerMutationPerRouteFields);
  return { disabled: false, config: readMutations(reader, join(path, 'mutations'), message.mutations) };
}

function readMutations(reader: Reader, path: string, message: Mutations | undefined): HeaderMutations {
  if (message !== undefined) reader.only(path, message, mutationsFields);
  return {
    kind: 'header-mutation',
    request: readSteps(reader, join(path, 'request_mutations'), message?.requestMutations ?? []),
    response: readSteps(reader, join(path, 'response_mutations'), message?.responseMutations ?? []),
  };
}

function readSteps(reader: Reader, path: string, steps: readonly Step[]): HeaderStep[] {
  return steps.flatMap(({ action }, index) => {
    const at = `${path}[${index}]`;
    if (action?.$case === 'remove') return [decodeRemoval(reader, join(at, 'remove'), action.value)];
    if (action?.$case === 'append') return [decodeAddition(reader, join(at, 'append'), action.value)];
    reader.problem(at, 'one of remove and append must be set');
    return [];
  });
}
