// Does one thing with @azure/service-bus or rhea and prints what came of it, as one line of JSON:
//   node service_bus.cjs SCENARIO '{"connectionString": …, "administrationString": …, "queue": …}'
const rhea = require("rhea");
const { ServiceBusAdministrationClient, ServiceBusClient } = require("@azure/service-bus");

const [scenario, text] = process.argv.slice(2);
const given = JSON.parse(text);
const client = () => new ServiceBusClient(given.connectionString, { retryOptions: { maxRetries: 0 } });
const administration = () => new ServiceBusAdministrationClient(given.administrationString);
const PATIENCE = 60_000;

const receive = async (receiver, count = 1) => {
  const found = [];
  while (found.length < count) {
    const more = await receiver.receiveMessages(count - found.length, { maxWaitTimeInMs: PATIENCE });
    if (more.length === 0) throw new Error(`only ${found.length} of ${count} messages came`);
    found.push(...more);
  }
  return found;
};

const scenarios = {
  // A message without an id is sent, received and completed.
  async settle() {
    const bus = client();
    await bus.createSender(given.queue).sendMessages([{ body: "one" }, { body: "two" }]);
    const receiver = bus.createReceiver(given.queue);
    const messages = await receive(receiver, 2);
    for (const message of messages) await receiver.completeMessage(message);
    const left = await receiver.peekMessages(10);
    await bus.close();
    return { bodies: messages.map((each) => each.body), ids: messages.map((each) => each.messageId), left: left.length };
  },

  // A handler that always throws, until the message is dead-lettered.
  async throwing() {
    const bus = client();
    await bus.createSender(given.queue).sendMessages({ body: "poison" });
    let calls = 0;
    const receiver = bus.createReceiver(given.queue);
    receiver.subscribe({
      processMessage: async () => { calls += 1; throw new Error("no"); },
      processError: async () => {},
    });
    const [dead] = await receive(bus.createReceiver(given.queue, { subQueueType: "deadLetter" }));
    await bus.close();
    return { calls, reason: dead.deadLetterReason, deliveries: dead.deliveryCount };
  },

  // What abandon, defer and dead-letter change in a message's properties.
  async modify() {
    const bus = client();
    await bus.createSender(given.queue).sendMessages({ body: "x", applicationProperties: { kept: "as it was", number: 1 } });
    const receiver = bus.createReceiver(given.queue);
    let [message] = await receive(receiver);
    await receiver.abandonMessage(message, { abandoned: "yes", number: 2 });
    [message] = await receive(receiver);
    const abandoned = message.applicationProperties;
    await receiver.deferMessage(message, { deferred: true });
    [message] = await receiver.receiveDeferredMessages([message.sequenceNumber]);
    const deferred = message.applicationProperties;
    await receiver.abandonMessage(message, { again: 1.5 });
    [message] = await receiver.receiveDeferredMessages([message.sequenceNumber]);
    const again = message.applicationProperties;
    await receiver.deadLetterMessage(message, { deadLetterReason: "Why", deadLetterErrorDescription: "because", who: "me" });
    const [dead] = await receive(bus.createReceiver(given.queue, { subQueueType: "deadLetter" }));
    await bus.close();
    return { abandoned, deferred, again, dead: dead.applicationProperties, reason: dead.deadLetterReason };
  },

  // A dead letter is to be dead-lettered.
  async twice() {
    const bus = client();
    await bus.createSender(given.queue).sendMessages({ body: "x" });
    const receiver = bus.createReceiver(given.queue);
    await receiver.deadLetterMessage((await receive(receiver))[0]);
    const graves = bus.createReceiver(given.queue, { subQueueType: "deadLetter" });
    const [dead] = await receive(graves);
    const error = await graves.deadLetterMessage(dead).then(() => null, (reason) => reason);
    await bus.close();
    return { refused: error !== null, message: String(error && error.message) };
  },

  // A session: its state, its lock, a deferred message of it.
  async session() {
    const bus = client();
    await bus.createSender(given.queue).sendMessages([{ body: "a", sessionId: "s" }, { body: "b", sessionId: "s" }]);
    const receiver = await bus.acceptSession(given.queue, "s");
    await receiver.setSessionState("half done");
    const state = await receiver.getSessionState();
    const until = await receiver.renewSessionLock();
    const [first, second] = await receive(receiver, 2);
    await receiver.deferMessage(first);
    await receiver.completeMessage(second);
    const [again] = await receiver.receiveDeferredMessages([first.sequenceNumber]);
    await receiver.completeMessage(again);
    const peeked = await receiver.peekMessages(1);
    await receiver.close();
    await bus.close();
    return { state: state.toString(), renewed: until > new Date(), again: again.body, left: peeked.length };
  },

  // Messages for later, one of which is cancelled.
  async schedule() {
    const bus = client();
    const sender = bus.createSender(given.queue);
    const later = new Date(Date.now() + 3_600_000);
    const numbers = await sender.scheduleMessages([{ body: "never" }], later);
    await sender.cancelScheduledMessages(numbers);
    await sender.scheduleMessages([{ body: "soon" }], new Date(Date.now() + 500));
    const receiver = bus.createReceiver(given.queue, { receiveMode: "receiveAndDelete" });
    const [message] = await receive(receiver);
    await bus.close();
    return { body: message.body };
  },

  // Rules over AMQP, with properties of each type.
  async rules() {
    const bus = client();
    const rules = bus.createRuleManager(given.topic, given.subscription);
    const when = new Date("2024-02-29T12:30:00.000Z");
    const applicationProperties = { text: "t", number: 7, half: 0.5, yes: true, when };
    await rules.createRule("correlated", { subject: "s", applicationProperties });
    await rules.createRule("sql", { sqlExpression: "a > 1" }, { sqlExpression: "SET b = 2" });
    const found = [];
    for await (const rule of rules.listRules()) found.push(rule);
    await rules.deleteRule("sql");
    await bus.close();
    return found;
  },

  // All that the administration client does.
  async administer() {
    const admin = administration();
    await admin.createQueue(given.queue, { maxDeliveryCount: 3, lockDuration: "PT30S" });
    const queue = await admin.getQueue(given.queue);
    queue.maxDeliveryCount = 4;
    const updated = await admin.updateQueue(queue);
    const runtime = await admin.getQueueRuntimeProperties(given.queue);
    await admin.createTopic(given.topic);
    await admin.createSubscription(given.topic, "first");
    await admin.createSubscription(given.topic, "second");
    await admin.createRule(given.topic, "first", "correlated", {
      correlationId: "c",
      applicationProperties: { text: "t", number: 7, yes: true, when: new Date("2024-02-29T12:30:00.000Z") },
    });
    await admin.createRule(given.topic, "first", "sql", { sqlExpression: "a = 1" }, { sqlExpression: "SET b = 2" });
    const rule = await admin.getRule(given.topic, "first", "correlated");
    const all = async (pages, name) => {
      const found = [];
      for await (const each of pages) found.push(name(each));
      return found;
    };
    const result = {
      queue: queue.name,
      lock: queue.lockDuration,
      deliveries: updated.maxDeliveryCount,
      active: runtime.activeMessageCount,
      queues: (await all(admin.listQueues(), (each) => each.name)).includes(given.queue),
      topics: (await all(admin.listTopics(), (each) => each.name)).includes(given.topic),
      subscriptions: await all(admin.listSubscriptions(given.topic), (each) => [each.topicName, each.subscriptionName]),
      runtimes: await all(admin.listSubscriptionsRuntimeProperties(given.topic), (each) => each.activeMessageCount),
      rules: await all(admin.listRules(given.topic, "first"), (each) => each.name),
      filter: rule.filter,
      exists: [await admin.queueExists(given.queue), await admin.queueExists("nowhere")],
      sku: (await admin.getNamespaceProperties()).messagingSku,
    };
    await admin.deleteRule(given.topic, "first", "sql");
    await admin.deleteSubscription(given.topic, "second");
    await admin.deleteTopic(given.topic);
    await admin.deleteQueue(given.queue);
    return result;
  },

  // rhea: a message goes there and back, with SASL PLAIN or without.
  rhea() {
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: given.port, reconnect: false, idle_time_out: 1000 };
      const connection = rhea.create_container().connect({ ...options, ...given.login });
      connection.on("connection_error", ({ connection }) => resolve({ error: connection.error.condition }));
      connection.on("disconnected", () => resolve({ error: "disconnected" }));
      for (const end of ["sender_error", "receiver_error"]) {
        connection.on(end, (context) => {
          resolve({ error: (context.sender || context.receiver).error.condition });
          connection.close();
        });
      }
      connection.on("error", (error) => resolve({ error: String(error.message || error) }));
      const sender = connection.open_sender(given.queue);
      sender.once("sendable", () => sender.send({ body: "hello", message_id: "1" }));
      sender.on("accepted", () => {
        if (given.sendOnly) return connection.close();
        // Longer than the idle time-out: the connection must be kept alive meanwhile.
        setTimeout(() => connection.open_receiver(given.queue), given.pause || 0);
      });
      connection.on("message", ({ message }) => {
        resolve({ body: message.body });
        connection.close();
      });
      connection.on("connection_close", () => resolve({ sent: true }));
    });
  },
};

scenarios[scenario]().then(
  (result) => { console.log(JSON.stringify(result)); process.exit(0); },
  (error) => { console.error(error); process.exit(1); },
);
