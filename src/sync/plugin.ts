import fp from 'fastify-plugin';
import { type Pipeline, type PipelineOptions, startPipeline } from './pipeline.ts';

/** Starts the pipeline when the server is ready and stops it before the server's resources go. */
export const pipelinePlugin = fp<PipelineOptions>(
  async (app, options) => {
    let pipeline: Pipeline | undefined;
    app.addHook('onReady', async () => {
      pipeline = await startPipeline(options);
    });
    app.addHook('onClose', () => pipeline?.stop());
  },
  { name: 'tidemark-pipeline', fastify: '5.x' },
);
