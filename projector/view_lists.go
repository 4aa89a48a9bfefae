package projector

import (
	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/view"
)

// Version is the version of all that a user is shown.
func (v *View) Version(user string) (version events.Seq, err error) {
	err = v.read(func(r fold.Reader) error {
		version = view.Version(r, user)
		return nil
	})
	return version, err
}

// Some answers a ConversationsGetRequest.
func (v *View) Some(user string, q events.ConversationsGetRequest) (reply events.ConversationsGetReply, err error) {
	err = v.read(func(r fold.Reader) error {
		reply = view.Some(r, user, q)
		return nil
	})
	return reply, err
}

// TotalsOf answers a TotalsBatchRequest.
func (v *View) TotalsOf(q events.TotalsBatchRequest) (reply events.TotalsBatchReply, err error) {
	err = v.read(func(r fold.Reader) error {
		reply = events.TotalsBatchReply{Applied: v.Applied(), Totals: view.TotalsOf(r, q)}
		return nil
	})
	return reply, err
}

// Users answers a UsersRequest.
func (v *View) Users(q events.UsersRequest) (reply events.UsersReply, err error) {
	reply, err = view.Users(q, v.snap.Users)
	if err != nil {
		v.report(err)
	}
	return reply, err
}

// Group shows a group, or answers with events.ErrNotFound.
func (v *View) Group(group string) (reply events.GroupReply, err error) {
	err = v.read(func(r fold.Reader) error {
		var ok bool
		if reply, ok = view.Group(r, group); !ok {
			return events.ErrNotFound
		}
		return nil
	})
	return reply, err
}

// Members answers a MembersRequest, or with events.ErrNotFound.
func (v *View) Members(q events.MembersRequest) (reply events.MembersReply, err error) {
	err = v.read(func(r fold.Reader) (err error) {
		reply, err = view.Members(r, q)
		return err
	})
	return reply, err
}
