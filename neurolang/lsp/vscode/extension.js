// Starts `tos-sim lsp` and connects it with the editor.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  const command = vscode.workspace.getConfiguration("neuro").get("server");
  const server = { command, args: ["lsp"] };
  const options = { documentSelector: [{ language: "neuro" }] };
  client = new LanguageClient("neuro", "Neuro-Lang", server, options);
  return client.start();
};

exports.deactivate = () => client && client.stop();
