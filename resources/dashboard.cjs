'use strict';

/** The body of the stage's dashboard: widgets of CloudWatch on its grid of 24 columns, the rows in the order in which one looks. */

const COLUMNS = 24;
const PERIOD = 300; // seconds

/** In dollars, of us-east-1: a test holds them against ops/cli/prices.py. */
const PRICES = {
  gbSecond: { x86_64: 0.0000166667, arm64: 0.0000133334 },
  invocation: 0.2e-6,
  sqsRequest: 0.4e-6,
  s3Write: 5e-6,
  s3Read: 0.4e-6,
  tableWrite: 0.625e-6,
  logGb: 0.5,
};

const OUTCOMES = [
  ...['done', 'duplicate', 'superseded', 'removed', 'ignored'],
  ...['rejected', 'busy', 'not_started', 'retryable', 'unexpected'],
];

const CONSUMER = ['FunctionName', '${ConsumerLambdaFunction}'];
const QUEUE = ['QueueName', '${UploadsQueue.QueueName}'];

const ours = (name, more = {}, ...dimensions) =>
  ['Darkroom', name, 'Function', '${ConsumerLambdaFunction}', ...dimensions, more];
const lambda = (name, more = {}, of = CONSUMER) => ['AWS/Lambda', name, ...of, more];
const sqs = (name, more = {}, of = QUEUE) => ['AWS/SQS', name, ...of, more];

/** Of one metric, whose values CloudWatch has one by one. */
const percentiles = (metric) => ['p50', 'p95', 'p99'].map((stat) => [...metric.slice(0, -1), { stat, label: stat }]);

const graph = (width, title, metrics, { label, line, ...more } = {}) => ({
  type: 'metric',
  width,
  height: 6,
  properties: {
    view: 'timeSeries',
    region: '${AWS::Region}',
    title,
    period: PERIOD,
    stat: 'Sum',
    metrics,
    yAxis: { left: { min: 0, ...(label ? { label, showUnits: false } : {}) } },
    ...(line ? { annotations: { horizontal: [{ label: line[0], value: line[1] }] } } : {}),
    ...more,
  },
});

/** CloudWatch documents no exponents. */
const fixed = (price) => price.toFixed(15);

/** Each service's dollars for a thousand images, from what was measured, and what no metric counts for each of them. */
function dollars({ memory, architecture, logGroup, table }) {
  const hidden = { visible: false };
  const measured = [
    ours('Images', { id: 'images', ...hidden }, 'Outcome', 'done'),
    ours('VariantPuts', { id: 'puts', ...hidden }),
    lambda('Duration', { id: 'ms', ...hidden }),
    lambda('Invocations', { id: 'batches', ...hidden }),
    sqs('NumberOfMessagesSent', { id: 'sent', ...hidden }),
    sqs('NumberOfEmptyReceives', { id: 'polls', ...hidden }),
    ['AWS/DynamoDB', 'ConsumedWriteCapacityUnits', 'TableName', table, { id: 'units', ...hidden }],
    ['AWS/Logs', 'IncomingBytes', 'LogGroupName', logGroup, { id: 'bytes', ...hidden }],
  ];
  const { gbSecond, invocation, sqsRequest, s3Write, s3Read, tableWrite, logGb } = PRICES;
  const services = {
    Lambda: `ms * ${fixed((memory / 1024 / 1000) * gbSecond[architecture])} + batches * ${fixed(invocation)}`,
    S3: `FILL(puts, 0) * ${fixed(s3Write)} + images * ${fixed(s3Write + 2 * s3Read)}`, // PUT, GET and HEAD of the original
    SQS: `(FILL(sent, 0) + FILL(polls, 0) + 2 * batches) * ${fixed(sqsRequest)}`, // a batch is received and deleted
    DynamoDB: `units * ${fixed(tableWrite)}`,
    Logs: `bytes * ${fixed(logGb / 1024 ** 3)}`,
  };
  const expressions = Object.entries(services).map(([label, expression], number) => [
    { expression: `1000 * (${expression}) / images`, id: `dollars${number}`, label },
  ]);
  return [...expressions, ...measured];
}

/** A dead-letter queue of each switch that has one. */
const deadLetters = (names) =>
  names.map((name) => sqs('ApproximateNumberOfMessagesVisible', { label: name }, ['QueueName', `\${${name}.QueueName}`]));

function rows({ stage, maximumConcurrency, timeout, queueAge, dlqs, api, cost }) {
  const shell = (command) => `\`darkroom ${command} --stage ${stage}\``;
  const first = `${shell('status')} - ${shell('dlq groups')} - ${shell('doctor')} - each alarm says what to do first`;
  const throttles = (label, of) => [
    lambda('Errors', { label: `${label}: errors` }, of),
    lambda('Throttles', { label: `${label}: throttles` }, of),
  ];
  const functionOfApi = ['FunctionName', '${ApiLambdaFunction}'];
  const table = ['ReadThrottleEvents', 'WriteThrottleEvents'].map((name) => [
    'AWS/DynamoDB', name, 'TableName', cost.table, { label: `table: ${name}` },
  ]);
  const gateway = (name, more = {}) => ['AWS/ApiGateway', name, 'ApiName', api, 'Stage', stage, more];
  const waiting = { ApproximateNumberOfMessagesVisible: 'waiting', ApproximateNumberOfMessagesNotVisible: 'in flight' };
  return [
    [{ type: 'text', width: COLUMNS, height: 2, properties: { markdown: first } }],
    [
      graph(12, 'Images by outcome', OUTCOMES.map((each) => ours('Images', { label: each }, 'Outcome', each)), { stacked: true }),
      graph(12, 'From upload to ready', percentiles(ours('ReadyMs')), { label: 'ms' }),
    ],
    [
      graph(8, 'Queue', Object.entries(waiting).map(([name, label]) => sqs(name, { label })), { stat: 'Maximum' }),
      graph(8, 'Age of the oldest upload', [sqs('ApproximateAgeOfOldestMessage')], {
        stat: 'Maximum', label: 's', line: ['alarm', queueAge],
      }),
      graph(8, 'Dead letters', deadLetters(dlqs), { stat: 'Maximum' }),
    ],
    [
      graph(8, 'Time in the queue and in a batch', percentiles(ours('QueueDelayMs')), { label: 'ms' }),
      graph(8, 'Rendering', percentiles(ours('RenderMs')), { label: 'ms' }),
      graph(8, 'Batches at once', [lambda('ConcurrentExecutions')], {
        stat: 'Maximum', line: ['maximumConcurrency', maximumConcurrency],
      }),
    ],
    [
      graph(8, 'A batch', [
        lambda('Duration', { stat: 'p50', label: 'p50' }), lambda('Duration', { stat: 'Maximum', label: 'longest' }),
      ], { label: 'ms', line: ['timeout', 1000 * timeout] }),
      graph(8, 'Errors and throttles', [...throttles('consumer', CONSUMER), ...throttles('API', functionOfApi), ...table]),
      graph(8, 'Dollars for a thousand images, without storage', dollars(cost), { stacked: true, period: 3600, label: '$' }),
    ],
    [
      graph(12, 'API: requests', [
        gateway('Count', { label: 'all' }), gateway('4XXError', { label: '4xx' }), gateway('5XXError', { label: '5xx' }),
      ]),
      graph(12, 'API: latency', percentiles(gateway('Latency')), { label: 'ms' }),
    ],
  ];
}

/** Widgets with their place: each row as high as its highest. */
function placed(every) {
  let y = 0;
  return every.flatMap((row) => {
    let x = 0;
    const widgets = row.map((widget) => {
      x += widget.width;
      return { ...widget, x: x - widget.width, y };
    });
    y += Math.max(...row.map(({ height }) => height));
    return widgets;
  });
}

const DLQS = { events: 'EventsDlq', erasure: 'ErasuresDlq', workflow: 'WorkflowDlq' };

module.exports = async ({ resolveVariable }) => {
  const text = async (name) => String(await resolveVariable(`param:${name}`));
  const service = await resolveVariable('self:service');
  const stage = await resolveVariable('sls:stage');
  const derived = await resolveVariable('self:custom.derived');
  const on = await Promise.all(Object.keys(DLQS).map(text));
  const made = rows({
    stage,
    maximumConcurrency: Number(await text('maximumConcurrency')),
    timeout: Number(await text('timeout')),
    queueAge: derived.queueAgeAlarm,
    dlqs: ['UploadsDlq', ...Object.values(DLQS).filter((_, at) => on[at] === 'true')],
    api: `${stage}-${service}`, // the framework's name for it
    cost: {
      memory: Number(await text('memory')),
      architecture: await text('architecture'),
      logGroup: '${ConsumerLogGroup}',
      table: await resolveVariable('self:custom.imagesTable'),
    },
  });
  return { body: JSON.stringify({ start: '-P1D', widgets: placed(made) }) };
};
