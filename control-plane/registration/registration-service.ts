import { type ServerUnaryCall, type sendUnaryData, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { parseSpiffeId } from '../../certs/spiffe-id.ts';
import type { Log } from '../../lib/log.ts';
import {
  type DeregisterRequest,
  DeregisterResponse,
  type RegisterRequest,
  RegisterResponse,
  RegistrationServiceService,
} from '../../proto/gen/heddle/registration/v1/registration.ts';
import { RegistrationError, type Registrations } from '../sources/registrations.ts';
import { readWorkload } from './read-workload.ts';

export interface RegistrationServiceOptions {
  readonly registrations: Pick<Registrations, 'register' | 'deregister'>;
  /** The verified SPIFFE id behind a connection (`address:port` of the client), if it has one. */
  readonly identify: (peer: string) => string | undefined;
  /** Service account of a workload that exists. */
  readonly ownerOf: (namespace: string, name: string) => string | undefined;
  readonly log: Log;
}

/** An answer other than success. */
interface Refusal {
  readonly code: status;
  readonly message: string;
}

/**
 * `heddle.registration.v1.RegistrationService`. A caller speaks for workloads of its own namespace and service account
 * only, as its SVID says.
 */
export function registrationService(options: RegistrationServiceOptions): {
  definition: typeof RegistrationServiceService;
  implementation: UntypedServiceImplementation;
} {
  return {
    definition: RegistrationServiceService,
    implementation: {
      register: (
        call: ServerUnaryCall<RegisterRequest, RegisterResponse>,
        callback: sendUnaryData<RegisterResponse>,
      ) => {
        const refusal = attempt(() => register(options, call.request, call.getPeer()), options.log, call.getPeer());
        callback(refusal ?? null, RegisterResponse.fromPartial({}));
      },
      deregister: (
        call: ServerUnaryCall<DeregisterRequest, DeregisterResponse>,
        callback: sendUnaryData<DeregisterResponse>,
      ) => {
        const refusal = attempt(() => deregister(options, call.request, call.getPeer()), options.log, call.getPeer());
        callback(refusal ?? null, DeregisterResponse.fromPartial({}));
      },
    },
  };
}

function register(options: RegistrationServiceOptions, request: RegisterRequest, peer: string): Refusal | undefined {
  const caller = callerOf(options, peer);
  if ('code' in caller) return caller;
  if (request.workload === undefined) return { code: status.INVALID_ARGUMENT, message: 'workload is missing' };
  const { namespace, name, serviceAccount } = request.workload;
  if (caller.namespace !== namespace || caller.serviceAccount !== serviceAccount) {
    return denied(`${caller.id} may not register ${namespace}/${name} of service account ${serviceAccount}`);
  }
  const owner = options.ownerOf(namespace, name);
  if (owner !== undefined && owner !== serviceAccount) {
    return denied(`workload ${namespace}/${name} belongs to service account ${owner}`);
  }
  const workload = readWorkload(request.workload);
  if (!workload.ok) return { code: status.INVALID_ARGUMENT, message: workload.problems.join('; ') };
  options.registrations.register(workload.value);
  options.log.info('workload registered', { workload: `${namespace}/${name}`, spiffeId: caller.id, peer });
  return undefined;
}

function deregister(
  options: RegistrationServiceOptions,
  { namespace, name }: DeregisterRequest,
  peer: string,
): Refusal | undefined {
  const caller = callerOf(options, peer);
  if ('code' in caller) return caller;
  const owner = options.ownerOf(namespace, name);
  // Whether another namespace has such a workload is not said.
  if (caller.namespace !== namespace || (owner !== undefined && owner !== caller.serviceAccount)) {
    return denied(`${caller.id} may not deregister ${namespace}/${name}`);
  }
  if (owner === undefined) return undefined;
  options.registrations.deregister(namespace, name);
  options.log.info('workload deregistered', { workload: `${namespace}/${name}`, spiffeId: caller.id, peer });
  return undefined;
}

function callerOf(
  options: RegistrationServiceOptions,
  peer: string,
): { id: string; namespace: string; serviceAccount: string } | Refusal {
  const id = options.identify(peer);
  const parsed = id === undefined ? undefined : parseSpiffeId(id);
  if (id === undefined || !parsed?.ok) {
    return { code: status.UNAUTHENTICATED, message: 'a client certificate of the trust domain is required' };
  }
  const { namespace, serviceAccount } = parsed.value;
  if (namespace === undefined || serviceAccount === undefined) return denied(`${id} names no service account`);
  return { id, namespace, serviceAccount };
}

/** Runs a call; what the store or the schema throws becomes an answer. */
function attempt(run: () => Refusal | undefined, log: Log, peer: string): Refusal | undefined {
  try {
    const refusal = run();
    if (refusal !== undefined) log.warn('registration refused', { reason: refusal.message, peer });
    return refusal;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.warn('registration failed', { reason: message, peer });
    if (error instanceof RegistrationError) {
      return { code: error.code === 'conflict' ? status.PERMISSION_DENIED : status.INVALID_ARGUMENT, message };
    }
    return { code: status.UNAVAILABLE, message: 'the registration could not be stored; try again' };
  }
}

function denied(message: string): Refusal {
  return { code: status.PERMISSION_DENIED, message };
}
