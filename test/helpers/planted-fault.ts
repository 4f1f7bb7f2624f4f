// Loaded before the service: on a signal it meets two faults that nobody catches, one right after the other.
process.on('SIGUSR2', () => {
  setImmediate(() => {
    throw new Error('planted exception');
  });
  void Promise.reject(new Error('planted rejection'));
});
