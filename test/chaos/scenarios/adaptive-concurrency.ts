/** The filter with the field's usual settings, the recalculation sooner so that a scenario need not be long. */
export const adaptiveConcurrency: Record<string, unknown> = {
  name: 'envoy.filters.http.adaptive_concurrency',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency',
    gradient_controller_config: {
      sample_aggregate_percentile: { value: 50 },
      concurrency_limit_params: { max_concurrency_limit: 1000, concurrency_update_interval: '0.1s' },
      min_rtt_calc_params: { interval: '10s', request_count: 50, min_concurrency: 3, jitter: { value: 10 } },
    },
    enabled: { default_value: true, runtime_key: 'adaptive_concurrency.enabled' },
  },
};
