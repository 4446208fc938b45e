// The socket to the server, file descriptor 3.

import { Socket } from 'node:net'
import { FrameDecoder, type FrameReceiver, FrameWriter, SLAB_BYTES } from './wire.ts'

/** What happens to the connection. */
export interface ConnectionEvents {
  /** The server broke the protocol, or the worker has a bug. */
  broken(error: unknown): void
  /** The server has gone. */
  closed(): void
}

/** Reads frames from and writes frames to a socket. */
export class Connection {
  readonly writer: FrameWriter
  readonly #socket: Socket
  #receive: FrameReceiver = () => undefined
  #draining: Promise<void> | null = null

  constructor(fd: number, events: ConnectionEvents) {
    const decoder = new FrameDecoder((type, flags, stream, buffer, start, end) => {
      this.#receive(type, flags, stream, buffer, start, end)
    })
    this.writer = new FrameWriter((parts, passedOn) => this.#write(parts, passedOn))
    const { writer } = this
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: true,
      onread: {
        // One buffer for all reads. With a function that gives the next one, Node forgets it when a
        // callback of `process.nextTick` throws, and goes on reading into the one before.
        buffer: Buffer.allocUnsafeSlow(SLAB_BYTES),
        callback: (count, bytes) => {
          writer.hold()
          try {
            for (let taken = 0; taken < count; ) {
              const copied = (bytes as Buffer).copy(decoder.free(), 0, taken, count)
              taken += copied
              decoder.received(copied)
            }
          } catch (error) {
            events.broken(error)
            return false
          } finally {
            writer.release()
          }
          return true
        },
      },
    })
    this.#socket.once('end', events.closed)
    this.#socket.once('error', events.closed)
    this.#socket.once('close', events.closed)
  }

  /**
   * Says who gets the frames. Has to be called before the first one can arrive, in the same turn.
   */
  deliverTo(receive: FrameReceiver): void {
    this.#receive = receive
  }

  /** Resolves when the socket takes more; null when it does already. */
  drained(): Promise<void> | null {
    if (!this.#socket.writableNeedDrain) return null
    return (this.#draining ??= new Promise((resolve) => {
      const go = (): void => {
        this.#draining = null
        resolve()
      }
      this.#socket.once('drain', go)
    }))
  }

  /** Writes out everything and resolves when the kernel has it. */
  finish(): Promise<void> {
    this.writer.flush()
    return new Promise((resolve) => {
      this.#socket.write('', () => resolve())
    })
  }

  #write(parts: Buffer[], passedOn: () => void): boolean {
    const socket = this.#socket
    if (parts.length === 1) {
      socket.write(parts[0]!)
    } else {
      socket.cork()
      for (const part of parts) socket.write(part)
      socket.uncork()
    }
    if (socket.writableLength === 0) return true
    // Writes are done in order, so this one's callback speaks for all before it.
    socket.write('', passedOn)
    return false
  }
}
