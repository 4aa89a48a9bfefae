package twin

// threadRules are the rules of threads, and of edits.
var threadRules = []struct{ rule, name, script string }{
	{"edit", "whom an unread message names", `
		group.join team users=alice,bob,carol
		group.message team id=g1 from=bob mentions=alice
		group.edit team id=g1 mentions=carol
		list alice => 1: group_team 1 first=g1
		list carol => 1: group_team 1 @1 first=g1
		versions bob => 2; group_team 2
		group.edit team id=g1 mentions=carol,carol => ignored
		user.read alice group_team
		group.edit team id=g1 all
		versions alice => 5; group_team 5
		user.unread alice group_team from=g1
		list alice => 1: group_team 1 @1 first=g1
		list bob => 0: group_team 0
		group.join team users=late
		group.edit team id=g1 mentions=late
		user.unread late group_team
		list late => 0: group_team 0 read=g1 marked
		group.edit team id=g9 all => ignored
		group.revoke team id=g1
		group.edit team id=g1 all => ignored`},
	{"edit", "c2c, silent and hidden", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob silent
		user.message alice id=m3 from=bob hidden
		user.edit alice id=m1 from=bob mentions=alice
		user.edit alice id=m2 from=bob mentions=alice
		user.edit alice id=m3 from=bob mentions=alice => ignored
		list alice => 1: c2c_bob 1 @1 first=m1
		versions alice => 4; c2c_bob 4
		user.message alice id=m4 from=bob silent
		user.message alice id=m5 from=bob
		user.revoke alice id=m4 from=bob => ignored
		user.edit alice id=m4 from=bob mentions=alice => ignored`},
	{"edit", "to all and back: nothing shows to who is named by name either way", `
		group.join team users=alice,bob,carol
		group.message team id=g1 from=bob mentions=alice
		group.edit team id=g1 mentions=alice all
		versions alice => 2; group_team 2
		versions carol => 3; group_team 3
		group.edit team id=g1 mentions=alice
		versions alice => 2; group_team 2
		list alice => 1: group_team 1 @1 first=g1
		versions carol => 4; group_team 4
		group.edit team id=g1 all
		versions alice => 2; group_team 2
		versions carol => 5; group_team 5`},
	{"edit", "who is newly named follows", `
		policy apart
		group.join team users=alice,bob,carol
		group.message team id=t1 from=bob thread=t
		group.message team id=t2 from=bob thread=t
		group.message team id=t3 from=bob thread=t
		group.edit team id=t2 mentions=carol,carol
		thread carol group_team t => t 2 @1 first=t2 last=t3 following
		list carol => 0: group_team 0 threads=2/1/1
		thread alice group_team t => t 0 last=t3`},

	{"timeline", "the conversation's until it has one of its own", `
		group.join team users=alice,bob
		group.message team id=g1 from=bob
		group.message team id=t1 from=bob thread=t
		group.message team id=g2 from=bob
		group.message team id=t2 from=bob thread=t
		user.read alice group_team thread=t upto=g2
		list alice => 3: group_team 3 first=g1
		thread alice group_team t => t 1 first=t2 read=g2 last=t2
		thread alice group_team => 2 first=g1 last=g2
		user.read alice group_team upto=t1
		list alice => 2: group_team 2 first=g2 read=t1@70
		thread alice group_team t => t 1 first=t2 read=g2 last=t2
		user.read alice group_team upto_at=40
		thread alice group_team t => t 1 first=t2 read=g2 last=t2
		user.read alice group_team main
		list alice => 1: group_team 1 first=t2 read=g2@80
		user.read alice group_team
		list alice => 0: group_team 0 read=t2@100`},
	{"thread-read", "moves one, if there is anything of it", `
		group.join team users=alice,bob
		group.message team id=t1 from=bob thread=t
		group.message team id=g1 from=bob
		user.read alice group_team thread=t upto=g1
		user.read alice group_team thread=t => ignored
		user.read alice group_team thread=t upto=t1 => ignored
		user.read alice group_team thread=none => ignored
		group.message team id=t2 from=alice thread=t
		user.read alice group_team thread=t
		versions alice => 9; group_team 8
		list alice => 1: group_team 1 first=g1
		user.unread alice group_team
		user.read alice group_team thread=t => ignored
		list alice => 1: group_team 1 first=g1 marked
		user.read alice group_team main
		list alice => 0: group_team 0`},
	{"thread-read", "early, and by read-all", `
		group.join team users=alice,bob
		group.message team id=t1 from=bob thread=t
		group.message team id=g1 from=bob
		user.read alice group_team thread=t upto=t2
		explain alice group_team 9 => v3 2=2-0-0 @0 read=@0#1 early=t2@40#4 | t1 bob@20#2 t | g1 bob@30#3
		group.message team id=t2 from=bob thread=t
		list alice => 1: group_team 1 first=g1
		explain alice group_team 9 => v5 1=3-0-0 @0 read=@0#1 threads=-2 | g1 bob@30#3
		group.message team id=t3 from=bob thread=t
		group.message team id=u1 from=bob thread=u
		user.read-all alice threads
		user.read-all alice threads => ignored
		list alice => 1: group_team 1 first=g1
		user.read-all alice
		list alice => 0: group_team 0 read=u1@100`},
	{"thread-unread", "one timeline, and follows it; or all", `
		group.join team users=alice,bob
		group.message team id=t1 from=bob thread=t
		group.message team id=g1 from=bob
		group.message team id=t2 from=bob thread=t
		user.read alice group_team
		user.unread alice group_team thread=t from=t1
		user.unread alice group_team thread=t from=t1 => ignored
		list alice => 2: group_team 2 first=t1 read=t2@50
		thread alice group_team t => t 2 first=t1 last=t2 following
		user.unread alice group_team from=g1
		list alice => 2: group_team 2 first=g1 read=t1
		user.read alice group_team
		user.unread alice group_team main from=t1
		list alice => 1: group_team 1 first=g1 read=t2@90
		group.revoke team id=t2
		user.unread alice group_team thread=t from=t2
		list alice => 1: group_team 1 first=g1 read=t2@90 marked`},
	{"in", "counts in the conversation and in its thread", `
		group.join team users=alice,bob
		group.message team id=g1 from=bob thread=t mentions=alice
		user.message alice id=m1 from=bob thread=t
		list alice => 2: c2c_bob 1 first=m1; group_team 1 @1 first=g1
		threads alice => group_team t 1 @1 first=g1 last=g1 following
		threads alice c2c_bob => t 1 first=m1 last=m1
		threads alice c2c_bob following =>
		threads alice c2c_eve => not found
		policy apart
		list alice => 2: c2c_bob 1 first=m1; group_team 1 @1 first=g1
		user.message alice id=m2 from=bob thread=t
		list alice => 3: c2c_bob 2 first=m1; group_team 1 @1 first=g1`},
	{"apart", "counts in the thread only", `
		policy apart
		group.join team users=alice,bob
		group.message team id=g1 from=alice
		user.message alice id=m1 from=bob
		group.message team id=t1 from=bob thread=g1 all
		list alice => 1: c2c_bob 1 first=m1; group_team 0 threads=1/1/1
		last alice => c2c_bob m1 from bob@40; group_team g1 from alice@30
		totals alice => {1 1 0 0 1 0} threads=1/1/1
		versions alice => 5; c2c_bob 4; group_team 5
		group.message team id=t2 from=bob thread=g1 broadcast
		list alice => 2: group_team 1 first=t2 threads=1/1/1; c2c_bob 1 first=m1
		thread alice group_team g1 => g1 2 @1 first=t1 last=t2 following
		user.level alice group_team level=mentions
		totals alice => {1 1 0 0 1 0} threads=1/1/1
		user.label alice group_team add=archived
		totals alice => {1 1 0 0 1 1}
		user.read alice group_team
		list alice => 1: group_team 0 read=t2@90 level=mentions labels=archived; c2c_bob 1 first=m1`},
	{"apart", "own advance reads one timeline", `
		policy apart advance
		group.join team users=alice,bob
		group.message team id=g1 from=bob
		group.message team id=t1 from=bob thread=g1
		group.message team id=t2 from=alice thread=g1
		list alice => 1: group_team 1 first=g1
		group.message team id=t3 from=bob thread=g1
		list alice => 1: group_team 1 first=g1 threads=1/0/1
		group.message team id=g2 from=alice
		list alice => 0: group_team 0 threads=1/0/1`},
	{"follow", "by hand, from there on", `
		policy apart
		group.join team users=alice,bob
		group.message team id=t1 from=bob thread=t
		versions alice => 2; group_team 2
		user.follow alice group_team thread=t following
		user.follow alice group_team thread=t following => ignored
		versions alice => 4; group_team 2
		group.message team id=t2 from=bob thread=t
		thread alice group_team t => t 1 first=t2 last=t2 following
		user.follow alice group_team thread=t unfollowing
		user.follow alice group_team thread=t unfollowing => ignored
		thread alice group_team t => t 0 last=t2
		user.unread alice group_team thread=t from=t1
		thread alice group_team t => t 2 first=t1 last=t2 following
		user.follow alice group_team thread=new following
		threads alice => group_team t 2 first=t1 last=t2 following; group_team new 0 following
		user.follow alice c2c_bob thread=t following => ignored
		user.follow alice group_else thread=t following => refused: not a member of the group`},
	{"follow", "writing, being named, and the root's author", `
		policy apart
		group.join team users=alice,bob,carol,dave
		group.message team id=g1 from=alice
		group.message team id=h1 from=bob thread=g1 hidden mentions=carol
		threads alice =>
		group.message team id=t1 from=bob thread=g1 mentions=carol all
		threads alice => group_team g1 1 @1 first=t1 last=t1 following
		threads bob => group_team g1 0 last=t1 following
		threads carol => group_team g1 1 @1 first=t1 last=t1 following
		threads dave =>
		user.follow alice group_team thread=g1 unfollowing
		group.message team id=t2 from=bob thread=g1
		threads alice =>
		group.message team id=t3 from=bob thread=g1 mentions=alice silent
		threads alice => group_team g1 0 last=t3 following`},
	{"thread-mute", "leaves the counts, goes on counting in the thread", `
		group.join team users=alice,bob
		group.message team id=t1 from=bob thread=t mentions=alice
		group.message team id=g1 from=bob
		user.mute alice group_team thread=t muted
		user.mute alice group_team thread=t muted => ignored
		user.mute alice group_team thread=none muted => ignored
		list alice => 1: group_team 1 first=g1
		policy apart
		group.message team id=t2 from=bob thread=t mentions=alice
		list alice => 1: group_team 1 first=g1
		thread alice group_team t => t 2 @2 first=t1 last=t2 following muted
		user.mute alice group_team thread=t unmuted
		list alice => 2: group_team 2 @1 first=t1 threads=1/1/1`},
	{"thread-list", "delete and leaving end it", `
		policy apart
		group.join team users=alice,bob
		group.message team id=t1 from=bob thread=t mentions=alice
		user.mute alice group_team thread=t muted
		user.delete alice group_team
		threads alice =>
		group.message team id=t2 from=bob thread=t
		list alice => 0
		group.message team id=t3 from=bob thread=t mentions=alice
		list alice => 0: group_team 0 read=t1 threads=1/1/1
		thread alice group_team t => t 1 @1 first=t3 read=t1 last=t3 following
		group.leave team users=alice
		group.join team users=alice
		thread alice group_team t => t 0 read=t3 last=t3`},
	{"receipt", "of a thread", `
		user.message alice id=m1 from=bob
		user.message alice id=t1 from=bob thread=t
		user.message alice id=m2 from=bob
		user.read alice c2c_bob thread=t => receipt to bob t1@40 in t v4
		user.read alice c2c_bob thread=t => ignored
		receipt bob alice t => t1@40
		receipt bob alice => none
		user.read alice c2c_bob upto=t1 => receipt to bob t1@60 v6
		user.read alice c2c_bob main private
		user.read alice c2c_bob main => receipt to bob m2@80 v8
		user.read alice c2c_bob => receipt to bob m2@90 v9`},
	{"named", "a thread's", `
		policy apart
		group.join team users=alice,bob
		group.message team id=t1 from=bob thread=t mentions=alice
		versions alice => 3; group_team 3
		group.revoke team id=t1
		versions alice => 4; group_team 4
		thread alice group_team t => t 0 last=t1 revoked following`},
}
