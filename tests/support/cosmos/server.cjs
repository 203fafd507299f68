// Runs the Cosmos DB protocol server on a free loopback port, over TLS with its own self-signed certificate.
// Prints the port as its first line and ends when stdin is closed, so that it never outlives the tests.
const readDocument = require("@vercel/cosmosdb-server/lib/handler/read-document");

// The service answers 404 for a document that is not there; this server stumbles over it and answers 500.
const readExisting = readDocument.default;
readDocument.default = (account, request, response, parameters) => {
  const collection = account.database(parameters.dbId).collection(parameters.collId);
  const [partition] = JSON.parse(request.headers["x-ms-documentdb-partitionkey"]);
  if (collection.read() && !collection.document(parameters.docId, partition).read()) {
    response.statusCode = 404;
    return { code: "NotFound", message: "Entity with the specified id does not exist in the system." };
  }
  return readExisting(account, request, response, parameters);
};

const { createHttpsServer } = require("@vercel/cosmosdb-server");

const server = createHttpsServer({ keepAlive: true });
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
