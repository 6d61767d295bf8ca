/* The life of one module with three instances: requests, processes, timers and
   misfortune around the gateway's record (record.pml). README.md says what is
   left out, what is checked and what surprised.

   SIBLINGS   versions 1, 2, 2 instead of 1, 2, 3
   C          clients, each with one request at a time
   BUDGET     losses, restarts and withdrawals, in all
   NOWRITES   leaves out the processes' writes, for liveness
   BROKEN_*   mutants that the check must find */

#ifndef C
#define C 1
#endif
#ifndef BUDGET
#define BUDGET 2
#endif

#include "record.pml"

/* renew is what a process does after a stale write (U8). */
#define writes(i) (granted == 0 && (phase[i] == SERVING || phase[i] == DRAINING) || holder == i && !lost)
#define fenced(i) (version(i) < floor || phase[i] == FENCED || phase[i] == IDLE)
inline renew(i) {
	if
	:: fenced(i) -> owns[i] = false; work[i] = RESTING
#ifdef BROKEN_RENEWAL
	:: !fenced(i) -> belief[i] = epoch
#else
	:: !fenced(i) && writes(i) -> belief[i] = epoch
	:: !fenced(i) && !writes(i) -> work[i] = RESTING
#endif
	fi
}

/* written: a write was accepted. */
inline written(who, v, e) {
	assert(taker == NONE || taker == who); /* nobody writes while another restructures */
	assert(v >= format);                   /* no older version writes after a restructuring */
	fence = e
}

proctype instance(byte i) {
	do
	:: d_step { phase[i] == ABSENT -> register(i) }
	:: d_step { phase[i] == STARTING && !deferred[i] && !asked[i] -> announceUpdate(i) }
	:: d_step { phase[i] == STARTING && !deferred[i] -> announceResume(i) }
	:: d_step { phase[i] == IDLE && !ready && granted == 0 && !any(WAITING) && version(i) >= floor -> announceResume(i) }
	:: d_step { work[i] == RESTING && holder == i && !lost -> belief[i] = epoch; work[i] = LEARNT }
	:: d_step { work[i] == LEARNT ->
		if
#ifdef BROKEN_TAKE
		:: true -> taker = i; format = version(i); work[i] = TAKEN
#else
		:: belief[i] >= fence -> fence = belief[i]; taker = i; format = version(i); work[i] = TAKEN
		:: else -> renew(i)
#endif
		fi }
	:: d_step { work[i] == TAKEN ->
		if
		:: belief[i] >= fence -> written(i, version(i), belief[i]); taker = NONE; work[i] = DONE
		:: else -> renew(i)
		fi }
	:: d_step { work[i] == DONE -> work[i] = RESTING;
		if
		:: holder == i -> holderResumes(i) /* late, or after a renewal: still the holder */
		:: else
		fi }
	od
}

/* Module processes write whenever they like, the former ones too. */
proctype writer(byte i) {
	do
	:: d_step { owns[i] && work[i] == RESTING ->
		if
		:: belief[i] >= fence -> written(i, version(i), belief[i])
		:: else -> renew(i)
		fi }
	:: d_step { zombie[i] != 0 ->
		if
		:: zombie[i] >= fence && bound[i] -> assert(version(i) >= format);
			fence = zombie[i]; taker = i + N; format = version(i)
		:: zombie[i] >= fence && !bound[i] -> written(i + N, version(i), zombie[i])
		:: else -> zombie[i] = 0; bound[i] = false /* its token is void */
		fi }
	od
}

proctype client(byte c) {
	byte t, e, met; /* met: which life of the instance the table showed */
look:
	atomic {
		turned[c] = false; t = NONE; e = epoch; met = 0;
		if
		:: phase[0] == SERVING -> t = 0
		:: phase[1] == SERVING -> t = 1
		:: phase[2] == SERVING -> t = 2
		:: else
		fi;
		if
		:: t != NONE -> met = life[t]
		:: t == NONE && expired -> goto missing
		:: else -> goto park
		fi
	};
enter: /* count, look again, only then go */
	atomic { if :: met == life[t] -> runs[t]++ :: else fi };
	atomic {
		if
#ifndef BROKEN_ENTER
		:: phase[t] != SERVING || met != life[t] -> goto leave
#endif
		:: else ->
			assert(phase[t] == SERVING && met == life[t]); /* nothing is routed to a version that drains or is fenced */
			if :: e > belief[t] -> belief[t] = e :: else fi
		fi
	};
	if
	:: skip
	:: phase[t] != SERVING && phase[t] != DRAINING || met != life[t] /* a run that only the end of a grace ends */
	fi;
leave:
	if
	:: d_step { met == life[t] && runs[t] > 0 -> runs[t]--; settle(); t = 0; e = 0; met = 0 }
	:: d_step { !(met == life[t] && runs[t] > 0) -> t = 0; e = 0; met = 0 }
	fi;
	goto look;
park:
	atomic {
		t = 0; e = 0;
#ifndef BROKEN_PARK
		if :: !turned[c] -> parked[c] = true :: else fi
#else
		parked[c] = true
#endif
	};
	!parked[c];
	goto look;
missing:
	t = 0; e = 0;
	(ready || !expired);
	goto look
}

/* The timers. A grace or a deadline may end at any time, and ends. */
proctype grace() {
	do
	:: d_step { any(DRAINING) ->
		max(WAITING, top);
		if
		:: top != NONE && granted == 0 -> grant(top, true); settle()
		:: else ->
			m = 0;
			do
			:: m < N -> if :: phase[m] == DRAINING -> drop(m) :: else fi; m++
			:: else -> break
			od;
			settle()
		fi }
	od
}

proctype deadline() {
	do
	:: d_step { !ready && !expired && (granted != 0 || !any(DRAINING)) -> expired = true; turn(); settle() }
	od
}

/* Misfortune: none of it must happen, any BUDGET of it may, at any time. */
proctype chaos() {
	byte i, left = BUDGET;
	do
	:: break
	:: atomic { left > 0 ->
		left--;
		select(i : 0 .. 2);
		if
		:: d_step { phase[i] != ABSENT && phase[i] != OUT && phase[i] != FENCED -> lose(i) }
		:: d_step { phase[i] != ABSENT -> register(i) } /* a new process, the former may live on (U10, L3) */
		:: d_step { phase[i] == WAITING -> announceResume(i) } /* it withdraws (U12) */
		:: else
		fi;
		i = 0 }
	od
}

init {
	atomic {
		phase[0] = SERVING; owns[0] = true; belief[0] = 1;
		run instance(0); run instance(1); run instance(2);
		run client(0);
#if C > 1
		run client(1);
#endif
		run grace(); run deadline(); run chaos();
#ifndef NOWRITES
		run writer(0); run writer(1); run writer(2);
#endif
	}
}

ltl granted1 { [] (phase[1] == WAITING -> <> (phase[1] != WAITING)) }
ltl granted2 { [] (phase[2] == WAITING -> <> (phase[2] != WAITING)) }
ltl answered { [] (parked[0] -> <> !parked[0]) }
ltl counted { [] (deferred[2] -> <> !deferred[2]) }
