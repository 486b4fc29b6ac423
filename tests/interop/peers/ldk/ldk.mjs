// LDK itself, loaded once, and how its bindings' results and options become values.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as ldk from "lightningdevkit";

const at = dirname(createRequire(import.meta.url).resolve("lightningdevkit/package.json"));

// The release of LDK is told only in what it prints when it is loaded.
export let version = "";
const say = console.log;
console.log = (line) => {
  version = /LDK v([0-9.]+)/.exec(line)?.[1] ?? version;
};
await ldk.initializeWasmFromBinary(readFileSync(join(at, "liblightningjs.wasm")));
console.log = say;

export { ldk };

// ok is the value of a result, and what is thrown if it is an error.
export function ok(result, doing) {
  if (result.is_ok()) return result.res;
  throw new Error(`${doing}: ${reason(result.err)}`);
}

// reason is an error of LDK in words.
export function reason(err) {
  if (err === undefined || err === null) return "refused";
  if (typeof err === "number") return ldk.RetryableSendFailure[err] ?? String(err);
  if (typeof err.err === "string") return err.err;
  if (typeof err.to_str === "function") return err.to_str();
  return err.constructor.name;
}

// some is the value of an option, or the one given for none.
export const some = (option, none = undefined) => ("some" in option ? option.some : none);

export const hex = (bytes) => Buffer.from(bytes).toString("hex");
export const bytes = (text) => new Uint8Array(Buffer.from(text, "hex"));

// shown is a txid or block hash as people and btcd write it: backwards.
export const shown = (hash) => Buffer.from(hash).reverse().toString("hex");
export const hidden = (text) => new Uint8Array(Buffer.from(text, "hex").reverse());
