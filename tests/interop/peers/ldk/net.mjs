// TCP for LDK's PeerManager.
import net from "node:net";
import { bytes, ldk, ok } from "./ldk.mjs";

const TICK = 10_000; // how often LDK wants to send a ping
const ACTS = 116; // bytes of the dialler's two acts (BOLT 8)

export class Net {
  // wake is called after anything came in.
  constructor(peers, wake) {
    this.peers = peers;
    this.wake = wake;
    this.count = 0n;
    setInterval(() => { this.peers.timer_tick_occurred(); this.wake(); }, TICK);
  }

  listen(host, port) {
    return new Promise((resolve, reject) => {
      this.server = net.createServer((socket) => {
        const d = this.descriptor(socket, ACTS);
        if (!this.peers.new_inbound_connection(d, from(socket)).is_ok()) socket.destroy();
      });
      this.server.on("error", reject);
      this.server.listen(port, host, resolve);
    });
  }

  // dial connects, and returns when the socket is open; the handshake comes after that.
  dial(id, host, port) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, host);
      socket.once("error", reject);
      socket.once("connect", () => {
        try {
          const d = this.descriptor(socket);
          socket.write(ok(this.peers.new_outbound_connection(bytes(id), d, from(socket)), "dial"));
          resolve(socket);
        } catch (err) {
          socket.destroy();
          reject(err);
        }
      });
    });
  }

  // descriptor is a socket as LDK has it. After so many bytes as apart says, LDK may send before it reads on:
  // it ends the connection when it reads an init that it does not like, and its own would not be sent.
  descriptor(socket, apart = 0) {
    const number = this.count++;
    let full = false, told = false;
    const d = ldk.SocketDescriptor.new_impl({
      send_data(data, resume) {
        if (resume) socket.resume();
        if (full) return 0;
        full = !socket.write(new Uint8Array(data));
        return data.length; // what the socket does not write now it keeps
      },
      disconnect_socket() { told = true; socket.destroySoon(); },
      eq: (other) => other.hash() === number,
      hash: () => number,
    });
    socket.setNoDelay(true);
    socket.on("drain", () => {
      full = false;
      if (!this.peers.write_buffer_space_avail(d).is_ok()) socket.destroy();
    });
    const take = (data) => {
      if (told || data.length === 0) return;
      const read = this.peers.read_event(d, new Uint8Array(data));
      if (!read.is_ok()) { told = true; socket.end(); }
      else if (read.res) socket.pause();
    };
    socket.on("data", (data) => {
      const first = data.subarray(0, apart);
      take(first);
      if (first.length && first.length === apart) this.peers.process_events();
      apart -= first.length;
      take(data.subarray(first.length));
      this.wake();
    });
    socket.on("error", () => {}); // close follows
    socket.on("close", () => {
      // LDK must not hear of the end of a connection that it ended itself.
      if (!told) this.peers.socket_disconnected(d);
      this.wake();
    });
    return d;
  }
}

function from(socket) {
  if (!socket.remoteAddress) return ldk.Option_SocketAddressZ.constructor_none(); // it is closed already
  const ip = Uint8Array.from(socket.remoteAddress.replace("::ffff:", "").split(".").map(Number));
  return ldk.Option_SocketAddressZ.constructor_some(ldk.SocketAddress.constructor_tcp_ip_v4(ip, socket.remotePort));
}
