package twin

// listRules goes on where moreRules ends: what a user does to the list.
var listRules = []struct{ rule, name, script string }{
	{"delete", "comes back with one", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.unread alice c2c_bob
		user.delete alice c2c_bob
		list alice => 0
		versions alice => 4
		receipt bob alice => none
		user.delete alice c2c_bob => ignored
		user.read alice c2c_bob => receipt to bob m2@60 v6
		user.message alice id=m3 from=bob silent
		list alice => 0
		user.revoke alice id=m4 from=bob
		user.message alice id=m4 from=bob
		list alice => 0
		user.message alice id=m5 from=bob
		list alice => 1: c2c_bob 1 first=m5 read=m2
		explain alice c2c_bob 9 => v10 1=1-0-0 @0 read=m2@0#4 | m5 bob@100#10`},
	{"delete", "own messages bring it back, silent and revoked ones do not", `
		user.message alice id=m1 from=bob
		user.delete alice c2c_bob
		user.revoke alice id=m2 from=bob
		user.sent alice id=m2 to=bob
		list alice => 0
		user.sent alice id=m3 to=bob
		list alice => 0: c2c_bob 0 read=m1
		user.message alice id=n1 from=alice silent
		user.delete alice c2c_alice
		user.message alice id=n2 from=alice silent
		list alice => 0: c2c_bob 0 read=m1
		user.message alice id=n3 from=alice
		list alice => 0: c2c_alice 0 read=n1; c2c_bob 0 read=m1
		group.join team users=alice
		user.delete alice group_team
		group.message team id=g1 from=alice
		list alice => 0: group_team 0; c2c_alice 0 read=n1; c2c_bob 0 read=m1`},
	{"delete", "up to a message: what lies after it stays", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.unread alice c2c_bob
		user.read alice c2c_bob upto=x1
		user.delete alice c2c_bob upto=m1
		list alice => 1: c2c_bob 1 first=m2 read=m1
		versions alice => 5; c2c_bob 5
		receipt bob alice => none
		user.read alice c2c_bob upto=x2
		user.unread alice c2c_bob
		user.read alice c2c_bob upto=x3
		user.delete alice c2c_bob upto=m1 => ignored
		list alice => 1: c2c_bob 1 first=m2 read=m1 marked
		explain alice c2c_bob 9 => v7 1=1-0-0 @0 read=m1@0#5 early=x3@80#8 | m2 bob@20#2
		user.delete alice c2c_bob upto=m2
		list alice => 0
		user.delete alice c2c_bob upto=m2 => ignored
		user.message alice id=x3 from=bob
		user.delete alice c2c_bob upto=m2 => ignored
		list alice => 1: c2c_bob 1 first=x3 read=m2`},
	{"delete", "up to a time", `
		user.message alice id=m1 from=bob at=100
		user.message alice id=m2 from=bob at=300
		user.message alice id=m3 from=bob at=200
		user.message alice id=m4 from=bob at=400
		user.read alice c2c_bob => receipt to bob m4@50 v5
		user.delete alice c2c_bob upto_at=99 => ignored
		user.delete alice c2c_bob upto_at=200 => ignored
		list alice => 0: c2c_bob 0 read=m4@50
		user.delete alice c2c_bob upto=nope => ignored
		user.delete alice c2c_bob upto=m1 upto_at=400
		list alice => 0`},
	{"delete", "silent, hidden and recalled ones after it do not keep it, own ones do", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob silent
		user.message alice id=m3 from=bob hidden
		user.message alice id=m4 from=bob
		user.revoke alice id=m4 from=bob
		user.delete alice c2c_bob upto=m1
		list alice => 0
		user.sent alice id=o1 to=bob
		user.delete alice c2c_bob upto=m1 => ignored
		list alice => 0: c2c_bob 0 read=m1
		user.delete alice c2c_bob upto=o1
		list alice => 0
		group.join team users=alice
		group.message team id=g1 from=bob
		group.message team id=g2 from=alice
		user.delete alice group_team upto=g1
		list alice => 0: group_team 0 read=g1
		group.revoke team id=g2
		user.delete alice group_team upto=g1
		list alice => 0`},
	{"delete", "up to a time, of a group where nothing was said since the join", `
		group.message team id=g1 from=bob
		group.join team users=alice
		user.delete alice group_team upto_at=5
		list alice => 0
		group.message team id=g2 from=bob
		list alice => 1: group_team 1 first=g2 read=g1`},
	{"delete", "a read of what came silently since tells the peer", `
		user.message alice id=m1 from=bob
		user.delete alice c2c_bob
		user.message alice id=m2 from=bob silent
		user.read alice c2c_bob => receipt to bob m2@40 v4
		list alice => 0
		versions alice => 2`},

	{"unread", "from a message, forwards and backwards", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.message alice id=m3 from=bob
		user.read alice c2c_bob => receipt to bob m3@40 v4
		user.unread alice c2c_bob from=m2
		list alice => 2: c2c_bob 2 first=m2 read=m1
		explain alice c2c_bob 9 => v5 2=2-0-0 @0 read=m1@0#5 | m2 bob@20#2 | m3 bob@30#3
		user.unread alice c2c_bob from=m2 => ignored
		user.unread alice c2c_bob from=m3
		list alice => 1: c2c_bob 1 first=m3 read=m2
		user.unread alice c2c_bob from=m1
		list alice => 3: c2c_bob 3 first=m1
		user.read alice c2c_bob upto=m2
		receipt bob alice => m3@40
		user.read alice c2c_bob
		receipt bob alice => m3@40
		user.message alice id=m4 from=bob
		user.read alice c2c_bob => receipt to bob m4@120 v12`},
	{"unread", "from where nothing counts it sets the mark", `
		user.message alice id=m1 from=bob
		user.sent alice id=o1 to=bob
		user.read alice c2c_bob => receipt to bob m1@30 v3
		user.unread alice c2c_bob from=o1
		list alice => 0: c2c_bob 0 read=o1@30 marked
		totals alice => {0 0 0 0 1 0}
		user.unread alice c2c_bob from=o1 => ignored
		user.read alice c2c_bob
		user.message alice id=m2 from=bob
		user.message alice id=s1 from=bob silent
		user.unread alice c2c_bob from=s1
		list alice => 1: c2c_bob 1 first=m2 read=o1@30 marked
		user.revoke alice id=m2 from=bob
		user.read alice c2c_bob => receipt to bob s1@110 v11
		user.unread alice c2c_bob from=m2
		list alice => 0: c2c_bob 0 read=s1@110 marked
		group.join team users=alice
		group.message team id=g1 from=alice
		user.unread alice group_team from=g1
		list alice => 0: group_team 0 marked; c2c_bob 0 read=s1@110 marked`},
	{"unread", "the mark is in no count", `
		user.message alice id=m1 from=bob
		user.read alice c2c_bob => receipt to bob m1@20 v2
		user.unread alice c2c_bob
		user.unread alice c2c_bob => ignored
		list alice => 0: c2c_bob 0 read=m1@20 marked
		totals alice => {0 0 0 0 1 0}
		user.unread alice c2c_bob from=m1
		list alice => 1: c2c_bob 1 first=m1 marked
		user.read alice c2c_bob private
		list alice => 0: c2c_bob 0 read=m1@60
		totals alice => {0 0 0 0 0 0}`},
	{"unread", "lists a deleted conversation", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.delete alice c2c_bob
		user.unread alice c2c_bob from=m2
		list alice => 1: c2c_bob 1 first=m2 read=m1
		user.delete alice c2c_bob
		user.unread alice c2c_bob
		list alice => 0: c2c_bob 0 read=m2 marked`},

	{"total", "by kind", `
		user.message alice id=m1 from=bob mentions=alice
		group.join team users=alice
		group.message team id=g1 from=bob all
		group.message team id=g2 from=bob
		user.message alice id=m1 from=carol
		user.mute alice c2c_carol muted
		totals alice => {3 1 2 2 2 1}
		totals alice c2c => {1 1 0 1 1 1}
		totals alice c2c muted => {2 2 0 1 2 1}
		totals alice group => {2 0 2 1 1 0}
		user.delete alice c2c_bob
		group.leave team users=alice
		totals alice => {0 0 0 0 0 1}
		totals nobody => {0 0 0 0 0 0}`},
	{"total", "erase", `
		user.erase alice => ignored
		user.message alice id=m1 from=bob
		user.revoke alice id=m2 from=bob
		user.mute alice c2c_bob muted
		user.read alice c2c_bob => receipt to bob m1@50 v5
		group.join team users=alice,bob
		group.message team id=g1 from=alice
		users => alice bob
		user.erase alice
		list alice => 0
		versions alice => 8
		receipt bob alice => none
		user.erase alice => ignored
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		list alice => 2: c2c_bob 2 first=m1
		list bob => 1: group_team 1 first=g1
		group.message team id=g2 from=bob
		list alice => 2: c2c_bob 2 first=m1`},

	{"receipt", "the peer's last message, silent ones included", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob silent
		user.sent alice id=m3 to=bob
		user.read alice c2c_bob at=7 => receipt to bob m2@7 v4
		receipt bob alice => m2@7
		receipt alice bob => none
		user.sent alice id=m4 to=bob
		user.read alice c2c_bob
		user.message alice id=m5 from=bob silent
		user.read alice c2c_bob => receipt to bob m5@80 v8
		users => alice bob`},
	{"receipt", "only grows", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.read alice c2c_bob => receipt to bob m2@30 v3
		user.unread alice c2c_bob from=m1
		user.read alice c2c_bob upto=m1
		receipt bob alice => m2@30
		user.read alice c2c_bob upto_at=20
		receipt bob alice => m2@30`},
	{"receipt", "the next open read tells what was read in private", `
		user.message alice id=m1 from=bob
		user.read alice c2c_bob private
		user.read alice c2c_bob => receipt to bob m1@30 v3
		versions alice => 2; c2c_bob 2
		user.read alice c2c_bob => ignored
		user.message alice id=m2 from=bob
		user.message alice id=m3 from=bob
		user.read alice c2c_bob private
		user.read alice c2c_bob upto=m2 => receipt to bob m3@80 v8`},
	{"receipt", "a conversation alone with oneself, or where only oneself wrote, has none", `
		user.message alice id=m1 from=alice
		user.sent alice id=o1 to=bob
		user.read-all alice
		user.read-all alice => ignored
		receipt alice alice => none
		receipt bob alice => none`},
	{"receipt", "private sends none", `
		user.message alice id=m1 from=bob
		user.read alice c2c_bob private
		receipt bob alice => none
		user.message alice id=m2 from=bob
		user.read-all alice private
		user.unread alice c2c_bob from=m1
		user.read alice c2c_bob => receipt to bob m2@60 v6
		group.join team users=alice
		group.message team id=g1 from=bob
		user.read alice group_team`},

	{"read-time", "read-all up to a time", `
		user.message alice id=m1 from=bob at=1000
		user.message alice id=m1 from=carol at=3000
		group.join team users=alice
		group.message team id=g1 from=bob at=1500
		group.message team id=g2 from=bob at=2500
		user.read-all alice upto_at=2000 => receipt to bob m1@60 v6
		list alice => 2: group_team 1 first=g2 read=g1@60; c2c_carol 1 first=m1; c2c_bob 0 read=m1@60
		user.read-all alice upto_at=2000 => ignored
		user.read-all alice group upto_at=3000
		list alice => 1: group_team 0 read=g2@80; c2c_carol 1 first=m1; c2c_bob 0 read=m1@60
		user.read-all alice => receipt to carol m1@90 v9`},

	{"exact", "explain", `
		group.join team users=alice,bob
		group.message team id=g1 from=bob thread=t
		group.message team id=g2 from=alice
		group.message team id=g3 from=bob mentions=alice
		group.message team id=g4 from=bob
		group.message team id=g5 from=alice
		group.revoke team id=g4
		group.revoke team id=g5
		explain alice group_team 1 => v8 2=5-1-2 @1 read=@0#1 | g1 bob@20#2 t +1
		explain alice group_team 2 => v8 2=5-1-2 @1 read=@0#1 | g1 bob@20#2 t | g3 bob@40#4 mention
		explain alice group_team 0 => v8 2=5-1-2 @1 read=@0#1 +2
		explain alice c2c_bob 9 => not found
		user.delete alice group_team
		explain alice group_team 9 => not found`},
}
