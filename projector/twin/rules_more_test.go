package twin

// moreRules goes on where rules ends.
var moreRules = []struct{ rule, name, script string }{
	{"revoke", "c2c", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob mentions=alice
		list alice => 2: c2c_bob 2 @1 first=m1
		user.revoke alice id=m2 from=carol
		list alice => 2: c2c_bob 2 @1 first=m1
		user.revoke alice id=m2 from=bob
		list alice => 1: c2c_bob 1 first=m1
		user.revoke alice id=m2 from=bob => ignored
		last alice => c2c_bob m2 from bob@20 revoked
		versions alice => 4; c2c_bob 4
		explain alice c2c_bob 9 => v4 1=2-0-1 @0 read=@0#0 | m1 bob@10#1`},
	{"revoke", "a read, silent or own one lowers nothing", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.read alice c2c_bob => receipt to bob m2@30 v3
		user.revoke alice id=m1 from=bob => ignored
		versions alice => 3; c2c_bob 3
		user.message alice id=m3 from=bob silent
		user.sent alice id=m4 to=bob
		user.revoke alice id=m3 from=bob => ignored
		versions alice => 6; c2c_bob 6
		user.revoke alice id=m4 from=bob
		user.revoke alice id=m4 from=bob => ignored
		last alice => c2c_bob m4 from alice@60 revoked
		user.unread alice c2c_bob from=m1
		list alice => 1: c2c_bob 1 first=m2
		user.revoke alice id=m1 from=bob => ignored
		explain alice c2c_bob 9 => v10 1=2-0-1 @0 read=@0#10 | m2 bob@20#2`},
	{"revoke", "before its message", `
		user.revoke alice id=m1 from=bob
		user.revoke alice id=m1 from=bob => ignored
		list alice => 0
		versions alice => 0
		user.read alice c2c_bob => ignored
		user.message alice id=m1 from=bob
		list alice => 0: c2c_bob 0
		user.revoke alice id=m1 from=bob => ignored
		explain alice c2c_bob 9 => v4 0=0-0-0 @0 read=@0#0`},
	{"revoke", "group, for each member by itself", `
		group.revoke team id=g3
		group.join team users=alice,bob,carol
		group.message team id=g1 from=alice all
		group.message team id=g2 from=bob mentions=alice,carol
		group.message team id=g3 from=bob
		user.read alice group_team upto=g1
		group.revoke team id=g1
		list alice => 1: group_team 1 @1 first=g2 read=g1@60
		list bob => 0: group_team 0
		list carol => 1: group_team 1 @1 first=g2
		versions alice => 6; group_team 6
		explain bob group_team 9 => v7 0=2-1-1 @0 read=@0#2
		group.revoke team id=g2
		list carol => 0: group_team 0
		group.revoke team id=g2 => ignored
		group.revoke team id=g3 => ignored
		user.unread alice group_team from=g1
		list alice => 0: group_team 0 read=g1@60 marked`},
	{"revoke", "the last message says so, read, silent or early", `
		user.message alice id=m1 from=bob
		user.read alice c2c_bob => receipt to bob m1@20 v2
		user.revoke alice id=m1 from=bob
		last alice => c2c_bob m1 from bob@10 revoked
		versions alice => 3; c2c_bob 3
		user.message alice id=m2 from=bob silent
		last alice => c2c_bob m2 from bob@40
		user.revoke alice id=m2 from=bob
		user.revoke alice id=m2 from=bob => ignored
		last alice => c2c_bob m2 from bob@40 revoked
		user.revoke alice id=m3 from=bob
		user.message alice id=m3 from=bob
		last alice => c2c_bob m3 from bob@80 revoked
		user.revoke alice id=m3 from=bob => ignored
		user.delete alice c2c_bob
		user.message alice id=m4 from=bob silent
		user.revoke alice id=m4 from=bob => ignored
		user.message alice id=m5 from=bob hidden
		user.revoke alice id=m5 from=bob => ignored
		list alice => 0`},
	{"revoke", "the last message of a group, for every member", `
		group.join team users=alice,bob
		group.message team id=g1 from=bob
		group.join team users=carol
		user.read alice group_team
		group.revoke team id=g1
		last alice => group_team g1 from bob@20 revoked
		versions alice => 5; group_team 5
		versions bob => 5; group_team 5
		versions carol => 5; group_team 5
		list bob => 0: group_team 0
		group.message team id=g2 from=bob silent
		group.revoke team id=g2
		group.revoke team id=g2 => ignored
		last carol => group_team g2 from bob@60 revoked
		versions carol => 7; group_team 7`},

	{"hidden", "neither counts nor shows", `
		user.message alice id=m1 from=bob
		user.message alice id=n1 from=carol
		user.message alice id=r1 from=bob hidden mentions=alice
		list alice => 2: c2c_carol 1 first=n1; c2c_bob 1 first=m1
		last alice => c2c_carol n1 from carol@20; c2c_bob m1 from bob@10
		versions alice => 2; c2c_carol 2; c2c_bob 1
		user.message alice id=r1 from=bob hidden => ignored
		user.revoke alice id=r1 from=bob => ignored
		user.message alice id=m2 from=bob
		user.read alice c2c_bob upto=r1 => receipt to bob r1@70 v7
		list alice => 2: c2c_bob 1 first=m2 read=r1@70; c2c_carol 1 first=n1
		user.unread alice c2c_bob from=r1
		user.unread alice c2c_bob from=m1
		list alice => 3: c2c_bob 2 first=m1; c2c_carol 1 first=n1`},
	{"hidden", "does not make a conversation", `
		user.message alice id=r1 from=bob hidden
		user.sent alice id=r2 to=bob hidden
		list alice => 0
		versions alice => 0
		users => alice
		user.unread alice c2c_bob => ignored
		user.unread alice c2c_bob from=r1 => ignored
		user.delete alice c2c_bob => ignored
		user.read alice c2c_bob upto=r1 => receipt to bob r1@60 v6
		user.mute alice c2c_bob muted
		list alice => 0
		versions alice => 0
		user.message alice id=m1 from=bob silent
		list alice => 0: c2c_bob 0 read=r1@60 muted`},
	{"hidden", "nor brings one back", `
		user.message alice id=m1 from=bob
		user.delete alice c2c_bob
		user.message alice id=r1 from=bob hidden
		user.sent alice id=r2 to=bob hidden
		list alice => 0
		user.message alice id=m2 from=bob
		list alice => 1: c2c_bob 1 first=m2 read=m1`},
	{"hidden", "group, with a read that waits for it", `
		group.join team users=alice,bob
		group.message team id=g1 from=bob
		user.read alice group_team upto=r1
		group.message team id=r1 from=bob hidden mentions=alice,bob all
		list alice => 0: group_team 0 read=r1@30
		list bob => 0: group_team 0
		versions alice => 4; group_team 4
		versions bob => 2; group_team 2
		last bob => group_team g1 from bob@20`},

	{"mention", "members named, never oneself", `
		group.join team users=alice,bob
		group.message team id=g1 from=bob mentions=alice,bob,eve
		group.message team id=g2 from=bob mentions=alice all
		group.message team id=g3 from=alice all
		group.message team id=g4 from=eve
		list alice => 3: group_team 3 @2 first=g1
		list bob => 2: group_team 2 @1 first=g3
		user.read alice group_team upto=g1
		list alice => 2: group_team 2 @1 first=g2 read=g1@60
		totals alice => {2 0 2 1 1 0}
		explain alice group_team 9 => v6 2=3-1-0 @1 read=g1@60#6 | g2 bob@30#3 mention | g4 eve@50#5`},
	{"mention", "all does not reach who joined later", `
		group.join team users=alice
		group.message team id=g1 from=bob all
		group.join team users=carol
		list carol => 0: group_team 0 read=g1
		user.unread carol group_team from=g1 => refused: the conversation does not have the message
		list carol => 0: group_team 0 read=g1
		list alice => 1: group_team 1 @1 first=g1`},
	{"mention", "c2c", `
		user.message alice id=m1 from=bob mentions=carol
		user.message alice id=m2 from=bob mentions=alice
		user.message alice id=m3 from=alice mentions=alice
		list alice => 2: c2c_alice 0; c2c_bob 2 @1 first=m1`},

	{"join", "history is not unread", `
		group.message team id=g1 from=bob
		group.join team users=alice,alice
		list alice => 0: group_team 0 read=g1
		last alice => group_team g1 from bob@10
		group.message team id=g2 from=bob
		list alice => 1: group_team 1 first=g2 read=g1
		group.join team users=alice => ignored
		group.join team users=alice,bob
		list alice => 1: group_team 1 first=g2 read=g1
		list bob => 0: group_team 0 read=g2
		versions alice => 3; group_team 3
		user.unread alice group_team from=g1 => refused: the conversation does not have the message`},
	{"join", "an id from before it is unknown", `
		group.join team users=alice
		group.message team id=g1 from=bob
		group.message team id=g2 from=bob
		group.leave team users=alice
		group.join team users=alice
		user.unread alice group_team
		user.read alice group_team upto=g1 => ignored
		list alice => 0: group_team 0 read=g2 marked
		group.message team id=g3 from=bob
		user.unread alice group_team from=g2 => refused: the conversation does not have the message
		user.delete alice group_team upto=g2 => ignored
		list alice => 1: group_team 1 first=g3 read=g2 marked
		explain alice group_team 9 => v8 1=1-0-0 @0 read=g2@0#5 | g3 bob@80#8
		user.read alice group_team upto=g1 upto_at=80
		list alice => 0: group_team 0 read=g3@110`},
	{"join", "leave, dismiss and again", `
		group.join team users=alice,bob
		group.message team id=g1 from=eve
		user.mute alice group_team muted
		user.read alice group_team upto=g2
		group.leave team users=alice,eve
		list alice => 0
		versions alice => 5
		group.leave team users=alice => ignored
		group.message team id=g2 from=eve
		group.join team users=alice
		list alice => 0: group_team 0 read=g2
		group.message team id=g3 from=eve
		list alice => 1: group_team 1 first=g3 read=g2
		group.dismiss team
		list alice => 0
		versions bob => 10
		group.dismiss team => ignored
		group.message team id=g4 from=eve
		group.join team users=bob
		list bob => 0: group_team 0 read=g4`},
	{"join", "puts the group on top of the list", `
		group.message team id=g1 from=bob
		user.message alice id=m1 from=bob
		group.join team users=alice
		list alice => 1: group_team 0 read=g1; c2c_bob 1 first=m1
		group.join empty users=alice
		user.message alice id=m2 from=bob silent
		last alice => c2c_bob m2 from bob@50; group_empty none; group_team g1 from bob@10
		versions alice => 5; c2c_bob 5; group_empty 4; group_team 3`},

	{"stranger", "group", `
		group.message team id=g1 from=bob
		user.read alice group_team => refused: not a member of the group
		user.unread alice group_team => refused: not a member of the group
		user.mute alice group_team muted => refused: not a member of the group
		user.delete alice group_nowhere => refused: not a member of the group
		group.join team users=alice
		user.unread alice group_team from=g2 => refused: the conversation does not have the message
		group.revoke team id=g2
		user.unread alice group_team from=g2 => refused: the conversation does not have the message
		group.leave team users=alice
		user.read alice group_team => refused: not a member of the group`},
	{"stranger", "c2c that does not exist", `
		user.read alice c2c_bob => ignored
		user.read alice c2c_bob upto_at=99 => ignored
		user.unread alice c2c_bob => ignored
		user.unread alice c2c_bob from=m1 => ignored
		user.delete alice c2c_bob => ignored
		user.mute alice c2c_bob unmuted => ignored
		users =>
		user.mute alice c2c_bob muted
		user.read alice c2c_bob upto=m2
		list alice => 0
		versions alice => 0
		user.message alice id=m1 from=bob
		list alice => 0 (1 muted): c2c_bob 1 first=m1 muted
		user.message alice id=m2 from=bob => receipt to bob m2@80 v10
		list alice => 0: c2c_bob 0 read=m2@80 muted
		user.read alice c2c_carol upto=m1
		user.unread alice c2c_carol from=m9 => ignored
		user.message alice id=m1 from=carol
		list alice => 1: c2c_carol 1 first=m1; c2c_bob 0 read=m2@80 muted`},

	{"mute", "goes on counting", `
		user.message alice id=m1 from=bob mentions=alice
		user.message alice id=m1 from=carol
		user.mute alice c2c_bob muted
		user.mute alice c2c_bob muted => ignored
		list alice => 1 (1 muted): c2c_carol 1 first=m1; c2c_bob 1 @1 first=m1 muted
		user.message alice id=m2 from=bob
		totals alice => {1 1 0 0 1 2}
		totals alice muted => {3 3 0 1 2 2}
		user.read alice c2c_bob upto=m1 => receipt to bob m1@60 v6
		user.mute alice c2c_bob unmuted
		list alice => 2: c2c_bob 1 first=m2 read=m1@60; c2c_carol 1 first=m1`},
	{"mute", "outlives delete, not a new membership", `
		group.join team users=alice
		user.mute alice group_team muted
		user.delete alice group_team
		group.message team id=g1 from=bob
		list alice => 0 (1 muted): group_team 1 first=g1 muted
		group.leave team users=alice
		group.join team users=alice
		group.message team id=g2 from=bob
		list alice => 1: group_team 1 first=g2 read=g1`},
	{"mute", "of a deleted conversation shows nothing", `
		user.message alice id=m1 from=bob
		user.delete alice c2c_bob
		user.mute alice c2c_bob muted
		versions alice => 2
		user.message alice id=m2 from=bob
		list alice => 0 (1 muted): c2c_bob 1 first=m2 read=m1 muted`},
}
