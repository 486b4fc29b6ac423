// What must outlive the process, in files: LDK's KVStore, and the driver's own small tables in JSON.
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { bytes, hex, ldk } from "./ldk.mjs";

const JOURNAL = "journal"; // all that one flush writes

export class Store {
  constructor(dir) {
    this.dir = dir;
    const begun = this.read(JOURNAL);
    this.waiting = begun ? deserialize(begun) : new Map(); // by name: what LDK wrote since the last flush, or null for what it removed
    this.apply();
    const name = (a, b, key) => join("ldk", a, b, key);
    this.kv = ldk.KVStore.new_impl({
      read: (a, b, key) => {
        const raw = this.waiting.has(name(a, b, key)) ? this.waiting.get(name(a, b, key)) : this.read(name(a, b, key));
        return raw
          ? ldk.Result_CVec_u8ZIOErrorZ.constructor_ok(raw)
          : ldk.Result_CVec_u8ZIOErrorZ.constructor_err(ldk.IOError.LDKIOError_NotFound);
      },
      write: (a, b, key, raw) => this.later(name(a, b, key), raw),
      remove: (a, b, key) => this.later(name(a, b, key), null),
      list: (a, b) => ldk.Result_CVec_StrZIOErrorZ.constructor_ok(this.list(join("ldk", a, b))), // at the start alone
    });
  }

  later(name, raw) {
    this.waiting.delete(name); // so that it becomes the last
    this.waiting.set(name, raw);
    return ldk.Result_NoneIOErrorZ.constructor_ok();
  }

  // flush writes what waits: all of it, even if the process is killed after the first of its files.
  flush() {
    if (this.waiting.size === 0) return;
    this.write(JOURNAL, serialize(this.waiting));
    this.apply();
  }

  apply() {
    for (const [name, raw] of this.waiting) {
      if (raw) this.write(name, raw);
      else this.remove(name);
    }
    this.waiting.clear();
    this.remove(JOURNAL);
  }

  remove = (name) => rmSync(join(this.dir, name), { force: true });

  // read is a file's content, or null if there is none.
  read(name) {
    try {
      return new Uint8Array(readFileSync(join(this.dir, name)));
    } catch (err) {
      if (err.code === "ENOENT") return null;
      throw err;
    }
  }

  // write replaces a file as a whole: a kill leaves the old or the new.
  write(name, raw) {
    const path = join(this.dir, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path + ".new", raw);
    renameSync(path + ".new", path);
  }

  list(name) {
    try {
      return readdirSync(join(this.dir, name), { withFileTypes: true })
        .filter((e) => e.isFile() && !e.name.endsWith(".new"))
        .map((e) => e.name);
    } catch (err) {
      if (err.code === "ENOENT") return [];
      throw err;
    }
  }

  // secret is 32 random bytes, made at the first start.
  secret(name, make) {
    const old = this.read(name);
    if (old) return bytes(Buffer.from(old).toString());
    const made = make();
    this.write(name, hex(made));
    return made;
  }

  readJSON(name, none) {
    const raw = this.read(name);
    return raw ? JSON.parse(Buffer.from(raw).toString()) : none;
  }
  writeJSON = (name, value) => this.write(name, JSON.stringify(value));
}
