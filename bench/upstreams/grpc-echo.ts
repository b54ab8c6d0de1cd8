import grpc from '@grpc/grpc-js';

// A gRPC server that sends back each message of a stream; its port is the first line of its output.
const same = (bytes: Buffer) => bytes;
const server = new grpc.Server();
server.addService(
  {
    Stream: {
      path: '/bench.Echo/Stream',
      requestStream: true,
      responseStream: true,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  },
  {
    Stream: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => call.end());
      call.on('error', () => {});
    },
  },
);
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
