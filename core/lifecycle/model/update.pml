/* The life of one module with three instances: requests, processes, timers and
   misfortune around the gateway's record (record.pml). README.md says what is
   left out, what is checked and what surprised.

   SIBLINGS   versions 1, 2, 2 instead of 1, 2, 3
   G          gateways, 1 or 2, each with a picture that may be late
   C          clients, each with one request at a time
   BUDGET     losses, restarts and withdrawals, in all
   NOWRITES   leaves out the processes' writes, for liveness
   BROKEN_*   mutants that the check must find */

#ifndef G
#define G 1
#endif
#ifndef C
#define C G
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
#if G > 1 && defined(NOWRITES)
	:: d_step { holder == i && !lost -> holderResumes(i) }
#else
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
#endif
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

#if G == 1
proctype client(byte c) {
	byte t, e, met; /* met: which life of the instance the table showed */
look:
	atomic {
		turned[c] = false; t = shown[0]; e = shownEpoch[0]; met = 0;
		if
		:: t != NONE -> met = shownLife[0]
		:: t == NONE && shownMissing[0] -> goto missing
		:: else -> goto park
		fi
	};
enter: /* count, look again, only then go */
	atomic { if :: met == life[t] -> runs[t]++ :: else fi };
	atomic {
		if
#ifndef BROKEN_ENTER
		:: shown[0] != t || met != shownLife[0] -> goto leave
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
	(shown[0] != NONE || !shownMissing[0]);
	goto look
}
#else
/* Client c asks gateway c, whose picture may be late. How entering races with
   draining, and parking with release, inside one gateway, is seen with one. */
proctype client(byte c) {
	byte t, met;
look:
	atomic {
		if
		:: shown[c] == NONE && shownMissing[c] -> goto missing
		:: shown[c] == NONE && !shownMissing[c] -> parked[c] = true; goto park
		:: else -> t = shown[c]; met = shownLife[c]
		fi;
		if
		:: met != life[t] -> t = 0; met = 0; goto refused /* that process is gone */
		:: else -> runs[c * N + t]++;
			/* it is late: the version may drain, or be lost; it is not fenced, and nobody updates */
			assert(phase[t] == SERVING || phase[t] == DRAINING || phase[t] == OUT);
			if :: shownEpoch[c] > belief[t] -> belief[t] = shownEpoch[c] :: else fi
		fi
	};
	if
	:: d_step { met == life[t] && runs[c * N + t] > 0 -> runs[c * N + t]--; t = 0; met = 0 }
	:: d_step { !(met == life[t] && runs[c * N + t] > 0) -> t = 0; met = 0 }
	fi;
	goto look;
park:
	!parked[c];
	goto look;
missing:
	(shown[c] != NONE || !shownMissing[c]);
	goto look;
refused:
	(shown[c] == NONE || shownLife[c] == life[shown[c]]);
	goto look
}
#endif

#if G > 1
#define drainsAt(g, i) (seen[g * N + i] && runs[g * N + i] == 0 && phase[i] == DRAINING && !(reported[i] & bit(g)))

/* A gateway reads the record some time, and reports drains that it knows of. */
proctype gateway(byte g) {
	do
	:: d_step { stale[g] -> stale[g] = false; read(g) }
	:: d_step { drainsAt(g, 0) -> reported[0] = reported[0] | bit(g); settle() }
	:: d_step { drainsAt(g, 1) -> reported[1] = reported[1] | bit(g); settle() }
	:: d_step { drainsAt(g, 2) -> reported[2] = reported[2] | bit(g); settle() }
	od
}
#endif

/* The timers. A grace or a deadline may end at any time, and ends; a grace is
   longer than a gateway is late. */
#if G > 1 && !defined(BROKEN_LAG)
#define known(i) (phase[i] != DRAINING || seen[i] && seen[N + i])
#define everyoneKnows (known(0) && known(1) && known(2))
#else
#define everyoneKnows true
#endif
proctype grace() {
	do
	:: d_step { any(DRAINING) && everyoneKnows ->
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
	:: d_step { !ready && !expired && (granted != 0 || !any(DRAINING)) -> expired = true; settle() }
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
#if G > 1
		run gateway(0); run gateway(1);
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
