package emit

// defaultPayload is how large a message a NATS server takes if it isn't told.
const defaultPayload = 1 << 20

// headerRoom is more than the headers of an event take.
const headerRoom = 1 << 10

// room is how large the payload of an event may be.
func (e *Emitter) room() int { return int(e.cfg.MaxPayload()) - headerRoom }
