import fp from 'fastify-plugin';
import { type Pipeline, type PipelineOptions, startPipeline } from './pipeline.ts';

export type PipelinePluginOptions = PipelineOptions & {
  /** Stops the pipeline before the server is closed. */
  readonly stopping?: AbortSignal;
};

/** Starts the pipeline when the server is ready and stops it before the server's resources go. */
export const pipelinePlugin = fp<PipelinePluginOptions>(
  async (app, options) => {
    let pipeline: Pipeline | undefined;
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> | undefined => {
      stopped ??= pipeline?.stop();
      return stopped;
    };
    app.addHook('onReady', async () => {
      pipeline = await startPipeline(options);
    });
    // A failure is heard of when the server closes.
    options.stopping?.addEventListener('abort', () => void stop()?.catch(() => {}), { once: true });
    app.addHook('onClose', stop);
  },
  { name: 'tidemark-pipeline', fastify: '5.x' },
);
