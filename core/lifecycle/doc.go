// Package lifecycle decides what every version and instance of one module
// may do and what the module is to the world, as a pure function: a record
// and an event in, a record and effects out.
//
// It reads no clock, does no I/O, starts no goroutine and asks nobody but
// Env.Decide. Who is told of what follows is decided by core/requirement.
//
// # What an event does to the instance it names
//
//	event        starting    serving      draining    waiting      updating     idle      fenced   out
//	registered   replaced    starting     starting    starting     updating¹    replaced  replaced starting
//	UPDATE       waiting²    waiting²     (asks)      (again)      granted      refused³  fenced³  waiting²
//	RESUME       serving⁴    resumed      (pending)   withdrawn⁴   serving      serving⁵  fenced³  serving⁴
//	DISCONNECT   out         draining⁶    draining⁶   out⁶         out, lost⁷   out       removed  out
//	lost         out         out          out         out          out, lost⁷   out       removed  out
//	unreachable  -           out⁸         out⁸        -            -            -         -        -
//	reachable    -           -            -           -            -            -         -        serving⁴ ⁸
//	drained      -           -            drained     drained      -            -         -        -
//
//	¹ same version: the grant is inherited in a new epoch; another: it is lost (U10)
//	² or refused, or deferred, by the policy (U1); granted by settle when nobody older and no sibling is in use
//	³ an error: nothing changes
//	⁴ held while an UPDATE waits or is granted, or until takeover.instances have resumed (V2, V6)
//	⁵ when no higher version serves, else refused (V3, V7)
//	⁶ while runs may be in flight, then out (L1)
//	⁷ the UPDATE goes on (U6); the grant passes to a sibling that waits (U10)
//	⁸ only by refused connections; whatever else happens forgets that (L6)
//
// # What follows, in this order (settle)
//
//	an absence past its deadline is MISSING (A4)
//	a leave or a grace that is over counts as done (L1, U2, V2)
//	a deferred UPDATE is asked about again (U1)
//	a lost grant passes on (U5, U10)
//	the highest, longest-waiting UPDATE makes older versions and siblings drain (U2, U9), and is granted when none is in use (U1, U13)
//	with no UPDATE in the way: who resumed serves, highest first (V2, V6); else who still drains serves again (V4, U12)
//	versions below the serving one drain, then are dropped in a new epoch (V2); who does not serve there is idle (V3)
//	the absence starts, ends, or gets a new deadline when its reason changed (A4, A7)
package lifecycle
