/* The gateway's record of one module and the events that change it, each in one
   step, as one compare-and-swap is. */

#define N    3 /* instances */
#define NONE 255

#ifdef SIBLINGS
#define version(i) (i == 0 -> 1 : 2)
#else
#define version(i) (i + 1)
#endif

/* HELD is a sibling that is not routed while another instance of its version
   updates; the wire says "waiting". */
mtype = { ABSENT, STARTING, SERVING, DRAINING, WAITING, UPDATING, HELD, IDLE, FENCED, OUT };

#if G > 1 && defined(NOWRITES)
#define newEpoch skip /* nobody looks at it */
#else
#define newEpoch epoch++
#endif

/* ---- the record ---- */
mtype phase[N] = ABSENT;
byte epoch = 1;
byte floor;
byte granted;       /* the version whose UPDATE is granted, 0: none */
byte holder = NONE; /* the instance that was granted it */
bool lost;          /* the holder is lost, the grant is not */
bool expired;       /* the absence's deadline has passed (A4) */
bool deferred[N];   /* RESUME was answered 202 and counts later (V6) */
bool asked[N];      /* this life has announced UPDATE */
byte life[N];       /* registrations so far */

/* ---- the data planes: G gateways, each with a picture of the record ---- */
byte runs[G * N];        /* of each gateway, in each instance */
byte shown[G] = 0;       /* the instance that serves, or NONE */
byte shownLife[G] = 0;   /* which life of it */
byte shownEpoch[G] = 1;
bool shownMissing[G];
bool seen[G * N];        /* it knows that the instance drains, in the drain under way */
byte reported[N];        /* which gateways have no run left in the drain, a bit for each */
bool parked[C];          /* client c asks gateway c % G */
bool turned[C];          /* a later turn was read since the client looked */
#if G > 1
bool stale[G];           /* the record has changed since it was read */
#endif

#define bit(g) (1 << (g))
#define EVERY  ((1 << G) - 1)
#if G > 1
#define inside(i) (runs[i] + runs[N + i])
#ifdef BROKEN_ONE
#define done(i)   (reported[i] != 0)
#else
#define done(i)   (reported[i] == EVERY)
#endif
#else
#define inside(i) runs[i]
#define done(i)   (runs[i] == 0)
#endif

/* ---- the module's processes and their data ---- */
mtype = { RESTING, LEARNT, TAKEN, DONE };
mtype work[N] = RESTING; /* the holder's restructuring */
bool owns[N];            /* it serves, so it may write */
byte belief[N];          /* the highest epoch it has seen */
byte zombie[N];          /* its predecessor's belief, 0: none is left */
bool bound[N];           /* the predecessor was the holder */
byte fence = 1;          /* the highest epoch that wrote */
byte format = 1;         /* the version that restructured last */
byte taker = NONE;       /* who restructures; i + N: the predecessor of i */

hidden byte k, m, top, best;

#define any(p)  (phase[0] == p || phase[1] == p || phase[2] == p)
#define ready   any(SERVING)
#define max(p, r) \
	r = NONE; k = 0; \
	do \
	:: k < N -> if :: phase[k] == p && (r == NONE || version(k) > version(r)) -> r = k :: else fi; k++ \
	:: else -> break \
	od

/* read brings gateway g's picture up to date, and wakes whoever may have a way
   or an answer by it. */
inline read(g) {
	shown[g] = NONE; shownLife[g] = 0; shownMissing[g] = expired;
	shownEpoch[g] = epoch;
	k = 0;
	do
	:: k < N ->
		if :: phase[k] == SERVING -> shown[g] = k; shownLife[g] = life[k] :: else fi;
#if G > 1
		seen[g * N + k] = (phase[k] == DRAINING);
#endif
		k++
	:: else -> break
	od;
	k = g;
	do
	:: k < C -> if :: shown[g] != NONE || expired -> turned[k] = (G == 1); parked[k] = false :: else fi; k = k + G
	:: else -> break
	od;
	k = 0 /* a d_step may not end with a loop */
}

/* publish lets the gateways know that something has changed: one by itself
   at once, several when they come to it. */
inline publish() {
#if G > 1
	stale[0] = true; stale[1] = true
#else
	read(0)
#endif
}

/* drains begins a drain of i: what was said of an earlier one is void. */
inline drains(i) {
	phase[i] = DRAINING; reported[i] = 0;
#if G > 1
	seen[i] = false; seen[N + i] = false
#endif
}

/* grant gives the UPDATE to w. Unless the grace is over, whoever drained is
   done. */
inline grant(w, graceOver) {
	m = 0;
	do
	:: m < N ->
		assert(m == w || phase[m] != DRAINING || inside(m) == 0 || graceOver);
		if
		:: m != w && version(m) < version(w) && phase[m] != ABSENT && phase[m] != OUT ->
			phase[m] = FENCED; deferred[m] = false
		:: m != w && version(m) == version(w) && phase[m] == DRAINING -> phase[m] = HELD
		:: else
		fi;
		m++
	:: else -> break
	od;
	phase[w] = UPDATING; holder = w; granted = version(w); floor = version(w);
	lost = false; expired = false;
#ifndef BROKEN_EPOCH
	newEpoch
#endif
}

/* forget: whoever is gone has no run. */
inline forget(i) {
	runs[i] = 0;
#if G > 1
	runs[N + i] = 0
#endif
}

/* drop ends a drain without an UPDATE (V2). */
inline drop(i) { phase[i] = FENCED; newEpoch }

/* settle draws the conclusions that every event ends with. */
inline settle() {
	max(WAITING, top);
	if
	:: granted != 0 -> handOver()
	:: granted == 0 && top != NONE -> drainFor(top)
	:: else -> serve()
	fi;
	if :: ready -> expired = false :: else fi;
	k = 0;
	do
	:: k < N -> if :: phase[k] != DRAINING -> reported[k] = 0 :: else fi; k++
	:: else -> break
	od;
	publish()
}

/* handOver gives a lost grant to a sibling that waits (U10), or after the
   deadline to a higher version (U5). */
inline handOver() {
#ifdef BROKEN_TAKEOVER
	k = 0; /* a RESUME that waits ends a lost UPDATE */
	do
	:: k < N && lost && expired && deferred[k] && version(k) > granted ->
		granted = 0; holder = NONE; lost = false; phase[k] = SERVING; owns[k] = true; deferred[k] = false; k++
	:: k < N && !(lost && expired && deferred[k] && version(k) > granted) -> k++
	:: else -> break
	od;
#endif
	if
#ifdef BROKEN_HANDOVER
	:: true
#else
	:: lost && top != NONE && (version(top) == granted || expired) -> grant(top, false)
	:: lost && top != NONE && version(top) > granted && !expired ->
		k = 0;
		do
		:: k < N && phase[k] == WAITING && version(k) == granted -> grant(k, false); break
		:: k < N && !(phase[k] == WAITING && version(k) == granted) -> k++
		:: k == N -> break
		od
	:: else
#endif
	fi
}

/* drainFor lets older versions and siblings finish (U2, U9), then grants. */
inline drainFor(w) {
	best = 0; /* runs that hold the grant */
	k = 0;
	do
	:: k < N ->
		if
		:: phase[k] == SERVING -> drains(k)
		:: phase[k] == HELD -> drains(k)
		:: else
		fi;
		if :: phase[k] == DRAINING && !done(k) -> best++ :: else fi;
		k++
	:: else -> break
	od;
#ifdef BROKEN_DRAIN
	best = 0;
#endif
	if :: best == 0 -> grant(w, false) :: else fi
}

/* serve: no UPDATE waits or is granted. What was put off counts now; the
   highest serves, or a draining one again (V4, U12); the lower drain (V2). */
inline serve() {
	k = 0;
	do
	:: k < N ->
		if :: phase[k] == HELD || phase[k] == STARTING && deferred[k] ->
			phase[k] = SERVING; owns[k] = true; deferred[k] = false
		:: else
		fi;
		k++
	:: else -> break
	od;
	max(SERVING, best);
	if
	:: best == NONE -> max(DRAINING, best);
		if :: best != NONE && version(best) < floor -> best = NONE :: else fi
	:: else
	fi;
	k = 0;
	do
	:: k < N && best != NONE ->
		if
		:: (phase[k] == SERVING || phase[k] == DRAINING) && version(k) == version(best) -> phase[k] = SERVING
		:: phase[k] == SERVING && version(k) < version(best) -> drains(k)
		:: else
		fi;
		if :: phase[k] == DRAINING && done(k) -> drop(k) :: else fi;
		k++
	:: else -> break
	od
}

/* register starts a new process of instance i; the former may live on. */
inline register(i) {
	life[i]++;
	if
	:: owns[i] || work[i] != RESTING -> zombie[i] = belief[i]; bound[i] = (work[i] != RESTING)
	:: else
	fi;
	if :: taker == i -> taker = i + N :: else fi;
	owns[i] = false; work[i] = RESTING; forget(i); asked[i] = false; deferred[i] = false; belief[i] = 0;
	max(SERVING, best);
	if
	:: holder == i -> phase[i] = UPDATING; lost = false; expired = false; /* U10 */
#ifndef BROKEN_INHERIT
		newEpoch
#endif
	:: holder != i && version(i) < floor -> phase[i] = FENCED
	:: holder != i && version(i) >= floor && best != NONE && version(i) < version(best) -> phase[i] = IDLE
	:: else -> phase[i] = STARTING
	fi;
	settle()
}

inline announceUpdate(i) {
	asked[i] = true;
	max(SERVING, best);
	if
	:: best != NONE && version(i) < version(best) -> phase[i] = IDLE
	:: else -> phase[i] = WAITING
	fi;
	settle()
}

/* announceResume of an instance that holds no grant. */
inline announceResume(i) {
	max(SERVING, best);
	max(WAITING, top);
	if
	:: granted != 0 || top != NONE && top != i && version(top) >= version(i) -> phase[i] = STARTING; deferred[i] = true
	:: else ->
		if
		:: best != NONE && version(i) < version(best) -> phase[i] = IDLE
		:: granted == 0 && top != NONE && top != i && version(top) < version(i) && phase[i] == STARTING -> deferred[i] = true
		:: else ->
			phase[i] = SERVING; owns[i] = true;
			k = 0; /* a lower UPDATE has nothing left to wait for */
			do
			:: k < N -> if :: phase[k] == WAITING && version(k) < version(i) -> phase[k] = IDLE :: else fi; k++
			:: else -> break
			od
		fi
	fi;
	settle()
}

inline holderResumes(i) {
	granted = 0; holder = NONE; lost = false;
	phase[i] = SERVING; owns[i] = true;
	k = 0; /* U9: outcome=done */
	do
	:: k < N -> if :: phase[k] == WAITING && version(k) == version(i) -> phase[k] = STARTING :: else fi; k++
	:: else -> break
	od;
	settle()
}

/* lose: the lease has lapsed, or DISCONNECT. The process may live on. */
inline lose(i) {
	phase[i] = OUT; forget(i); deferred[i] = false;
	if :: holder == i -> lost = true :: else fi;
	settle()
}

