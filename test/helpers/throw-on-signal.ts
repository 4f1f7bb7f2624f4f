// Preloaded by the service's process: on SIGUSR2 it throws an uncaught exception right after an unhandled rejection.
process.on('SIGUSR2', () => {
  setImmediate(() => {
    throw new Error('exception on SIGUSR2');
  });
  void Promise.reject(new Error('rejection on SIGUSR2'));
});
