// Package lifecycle decides what every version and instance of one module
// may do and what the module is to the world, as a pure function: a record
// and an event in, a record and effects out.
//
// It reads no clock, does no I/O, starts no goroutine and asks nobody but
// Env.Decide. Who is told of what follows is decided by core/requirement.
//
// # Where an event leaves the instance that it names
//
// The phase that follows; "-" if nothing does; an error if it is refused:
// then nothing changes. A test holds the machine against this table.
//
//	event        starting   serving    draining   waiting    updating   idle       fenced     out
//	registered   starting¹  starting¹  starting¹  starting¹  updating²  idle¹      fenced¹    starting¹
//	UPDATE       waiting³   waiting³   draining³  -          -          refused    fenced     waiting³
//	RESUME       serving⁴   -          draining⁵  serving⁴   serving    refused⁶   fenced     serving⁴
//	DISCONNECT   out        draining⁷  draining⁷  out⁷       out⁸       out        removed    out
//	lost         out        out        out        out        out⁸       out        removed    out
//	healthy      serving⁴   -          -          -          -          -          -          -
//	unreachable  -          out⁹       out⁹       -          -          -          -          -
//	reachable    -          -          -          -          -          -          -          serving⁹
//	drained      -          -          draining   waiting    -          -          -          -
//
//	¹ or idle, or fenced: where its version stands (V3, V7)
//	² the grant is inherited in a new epoch; another version loses it, and starts (U10)
//	³ or refused, or deferred, by the policy (U1); refused below a version that serves, or will again; granted at once
//	  when nobody else is in use
//	⁴ held, starting, while an UPDATE waits or is granted (V6), until takeover.instances have resumed (V2), or
//	  while it is held out since it was lost too often (L5) or its probes fail (L2); who has runs in flight drains until then
//	⁵ until the UPDATE that it drains for comes to nothing (U12)
//	⁶ serving, when no higher version serves, or will again (V7); refused for good after a refused UPDATE (U12)
//	⁷ while runs may be in flight, then out (L1); at once if a restart lost count of them (G6)
//	⁸ the UPDATE goes on (U6): its RESUME ends it still; a sibling that waits gets it (U10)
//	⁹ only by refused connections, not while it leaves; whatever else happens forgets that (L6)
//
// # What administrators say (O1)
//
// An override changes facts, as an event does, or is refused with the reason.
//
//	force-resume  the holder has said RESUME
//	grant         the UPDATE in front is not deferred, and everybody else is done
//	refuse        the UPDATE in front is denied
//	promote       a version serves, in a new epoch; all others are fenced, those above until lift
//	floor         versions from there on may register, and serve by V7
//	missing       the module is missing, until lift; nothing else changes
//	lift          promote and missing bind no longer; who is fenced registers anew
//	drop          instances are forgotten, their tokens void; turn, epoch and floor stay, but that an
//	              UPDATE which is forgotten with its module ends in a new epoch
//
// # What follows, in this order (settle)
//
//	who was held out for long enough may serve again (L5)
//	a grace, then a leave, that is over counts as done (U2, V2, L1)
//	a deferred UPDATE is asked about again (U1)
//	a lost grant passes on: to a sibling, to a higher version past the deadline (U10, U5)
//	the highest, longest-waiting UPDATE makes others drain (U2, U9), and is granted when none is in use (U1, U13)
//	with no UPDATE in the way: who resumed serves, highest first (V2, V6), else who served and still drains (V4, U12)
//	versions below the serving one drain, then are dropped in a new epoch (V2); who does not serve there is idle (V3)
//	the absence starts, ends, expires, or gets a new deadline when its reason changed (A4, A7)
//	a lost grant passes on if that deadline has passed already (U5)
//	an instance that has not resumed within start_ttl alerts (V6)
//	who is out below the floor or below the serving version is forgotten
package lifecycle
