// Package client is how Go programs use reddot: back ends that report what
// happened, gateways and apps that show badges. It talks NATS to the server and
// needs nothing but package events, nats.go and msgpack; api/docs/go.md says
// how another module uses it.
//
//	conn, err := nats.Connect(urls, nats.MaxReconnects(-1), nats.PingInterval(2*time.Second), nats.MaxPingsOutstanding(2))
//	c, err := client.New(conn, client.Options{})
//
//	// the back end
//	seq, err := c.MessageReceived(ctx, "alice", client.Message{ID: "m1", From: "bob"})
//
//	// alice's phone
//	alice := c.User("alice")
//	n, err := alice.TotalUnread(ctx, client.After(seq))
//	sub, err := alice.Listen(client.Listener{
//		TotalUnreadChanged:   func(t events.Totals) { badge.Set(t.Unread) },
//		ConversationsChanged: func(all []events.Conversation) { list.Update(all) },
//		ConversationsRemoved: func(names []string) { list.Remove(names) },
//		C2CReadReceipt:       func(all []events.Receipt) { list.ShowRead(all) },
//	})
//	seq, err = alice.MarkC2CRead(ctx, "bob", client.Upto("m1"))
//
// # From another SDK
//
// Who knows Tencent Cloud's IM SDK finds its calls here:
//
//	getTotalUnreadMessageCount                 User.TotalUnread, User.Totals
//	getConversationList                        User.Conversations, User.Page
//	getConversation                            User.Conversation
//	markC2CMessageAsRead                       User.MarkC2CRead
//	markGroupMessageAsRead                     User.MarkGroupRead
//	markAllMessageAsRead                       User.MarkAllRead
//	markConversation (unread)                  User.MarkUnread
//	setC2CReceiveMessageOpt                    User.SetLevel, User.Mute
//	setGroupReceiveMessageOpt                  User.SetLevel, User.Mute
//	markConversation (star, fold, hide)        User.Label
//	addConversationsToGroup                    User.Label
//	pinConversation                            User.Label
//	getUnreadMessageCountByFilter              User.Totals
//	subscribeUnreadMessageCountByFilter        User.SetFilter, Listener.FiltersChanged
//	addToBlackList, deleteFromBlackList        User.Block
//	deleteConversation                         User.DeleteConversation
//	clearC2CHistoryMessage, clearGroup...      User.ClearHistory
//	sendMessageReadReceipts                    User.MarkGroupRead
//	getMessageReadReceipts                     User.GroupReceipts
//	getGroupMessageReadMemberList              User.Readers
//	onTotalUnreadMessageCountChanged           Listener.TotalUnreadChanged
//	onUnreadMessageCountChangedByFilter        Listener.FiltersChanged
//	onNewConversation, onConversationChanged   Listener.ConversationsChanged
//	onConversationDeleted                      Listener.ConversationsRemoved
//	onRecvC2CReadReceipt                       Listener.C2CReadReceipt
//	onRecvMessageReadReceipts                  Listener.GroupReadReceipt
//	onSyncServerStart, ...Finish, ...Failed    Listener.StateChanged, Listener.Error
//
// New here are [User.Explain], which names the messages behind a count, threads
// ([User.Threads], [User.Follow], [InThread]) and positions: a read should say with
// [Upto] what was seen. Who comes from another system brings its counts along with
// [User.Import].
//
// # Three ways in
//
// Queries ask reddot and show everything it has applied. [After] makes one wait
// for a command.
//
// Commands of a back end (those of [Client]) are stored in the command stream
// and return their seq, before anything has come of them. [WaitApplied] and
// [WaitEmitted] wait for that. One that breaks a rule of form is refused here,
// with an [*events.Invalid]; one that was sent and not acknowledged is in doubt
// ([ErrUncertain], [CommandError]). A [Publisher] stores many, in order, at full
// speed. A back end leaves the header Nats-Msg-Id out, or begins its ids with
// anything but "h.": those are derived from users' keys.
//
// Commands of a user (those of [User]) are asked for at reddot, which checks and
// stores them: a user's connection may not publish to the stream. They return
// the same, can have a [Key], and say that they are refused if they wait
// ([RefusedError]). Each user has a rate.
//
// Listeners hear a user's state and then every change of it, the last
// value always, across outages of all kinds ([User.Listen]). How:
//
//	subscribe to the user's events
//	read the list, page by page, what else is wanted, and the receipts
//	enter events and pages in a book in which each datum keeps its version
//	and the newer one stays
//	report to each listener, on a goroutine of its own, what it has not heard yet
//
// and read again when the connection was lost, when an event was dropped or is
// missing (each names the one before it), when the list does not add up to the
// totals, and when a check ([Options].CheckEvery) finds a newer version.
//
// An event is taken only if it is the user's own and the event stream has sent it
// (header Nats-Stream): anybody may be able to have a message sent to a subject,
// as the answer to a request. [Client.Strange] counts the others.
//
// # For tools
//
// [Client.Status], [Client.Rebuild], [Client.Snapshot] and [Client.Hold] are for who
// operates reddot. [Raw] gives a reply as it came. A [Publisher] takes commands that are
// encoded already, with a label of the caller's ([Publisher.AddEncoded]), reports
// the seq of each ([OnStored]) and hears which were refused ([WithRefusals]). On a
// connection that does not reconnect everything works but listeners, which end with
// it: a tool that would rather end and say where it was than wait wants one.
// The command reddot is such a tool, and has no client but this one.
//
// # Limits of the promise
//
// Values in between may be left out. Group receipts are not read at the start or
// after an outage ([Listener].GroupReadReceipt). An event that NATS loses without a trace
// is noticed with the user's next one of its kind, a change also by the check.
// Receipts have a limit of their own, see [User.Listen]; so have groups beyond
// the fan-out limit, see [Options].WatchLargeGroups. If the command stream is replaced by another one,
// whose seqs begin again, listen again.
//
// # Outages
//
// The connection is the caller's, and so is how soon it notices that its server has
// gone. One that was killed closes the connection; one that hangs, or a network that
// swallows everything, is noticed by pings without an answer alone. The library
// pings every two minutes and gives up after two in vain; until then a listener
// hears nothing, and calls end with their timeout. So name several servers of a
// cluster, and set
//
//	nats.MaxReconnects(-1)          // come back after any outage
//	nats.PingInterval(2*time.Second)
//	nats.MaxPingsOutstanding(2)     // a server that hangs is left after 4 to 6 seconds
//
// as [New] shows. Where ten thousand phones have a connection each, 20 seconds are
// kinder to the server.
//
// A reddot that does not know the newest state, because it has just started or
// hears nothing of the log, takes no queries; another one gets them. If there is
// none, calls end at once with ErrUnavailable, which says why: the client asks
// for the status then, once a second at most, unless the connection has an inbox of
// a user's own. [Client.WaitApplied], [User.WaitApplied] and listeners go on by
// themselves when one is back; asking again is safe with all queries.
//
// # Permissions
//
// A connection of the user alice alone needs, with the default prefix:
//
//	publish    unread.do.alice.>
//	           unread.api.alice.>
//	subscribe  unread.evt.alice.>
//	           unread.inbox.alice.>
//
// and is made with an inbox of its own, as whoever may subscribe to _INBOX.>
// hears the answers to everybody:
//
//	inbox, err := client.InboxPrefix("unread", "alice") // unread.inbox.alice
//	conn, err := nats.Connect(url, nats.CustomInboxPrefix(inbox))
//
// WaitEmitted and [Client.WaitApplied] ask unread.api.status and about a user of
// no name, which is for back ends (publish unread.api.>); a user waits with [User.WaitApplied].
package client
