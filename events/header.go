package events

// Headers of queries, replies and events that reddot reads or writes and that
// its clients need.
const (
	HeaderAccept      = "Accept"                  // of a request: the Encoding.ContentType that its reply is to have
	HeaderContentType = "Content-Type"            // of a reply or an event: the Encoding.ContentType it has
	HeaderErrorCode   = "Nats-Service-Error-Code" // of an error reply: its Code
	HeaderError       = "Nats-Service-Error"      // of an error reply: the code's word

	// HeaderStream names the stream that a message was republished from. Only an
	// event that has the event stream's name in it is one.
	HeaderStream = "Nats-Stream"

	// HeaderEmitted says of an event that all events of the commands up to this seq are
	// stored with it.
	HeaderEmitted = "Reddot-Applied"

	// HeaderMore says that further events of the same user belong to this one.
	HeaderMore = "Reddot-More"
)
