// Checks KQL with Microsoft's own language service, against the schemas of the tables.
// In, on stdin: {"tables": {name: {column: type}}, "queries": {name: text}}. Out: {name: ["severity code message", …]}.
const path = require("node:path");
const { readFileSync } = require("node:fs");

const from = require("node:module").createRequire(path.join(__dirname, "..", "support", "javascript", "package.json"));
from("@kusto/language-service-next/bridge.min.js"); // both put themselves on globalThis
from("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const { Symbols, GlobalState, KustoCode } = globalThis.Kusto.Language;

const asked = JSON.parse(readFileSync(0, "utf8"));
const tables = Object.entries(asked.tables).map(([name, columns]) => {
  const text = Object.entries(columns).map(([column, type]) => `['${column}']:${type}`);
  return new Symbols.TableSymbol.$ctor7(name, `(${text.join(",")})`, null);
});
const known = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("LogAnalytics", tables));

const remarks = (query) => {
  const list = KustoCode.ParseAndAnalyze(query, known).GetDiagnostics();
  const found = Array.from({ length: list.Count }, (_, index) => list.getItem(index));
  return found.map((each) => `${each.Severity} ${each.Code} ${each.Message}`);
};

const answer = Object.fromEntries(Object.entries(asked.queries).map(([name, query]) => [name, remarks(query)]));
process.stdout.write(JSON.stringify(answer));
