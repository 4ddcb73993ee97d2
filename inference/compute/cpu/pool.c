//go:build cgo

#define _GNU_SOURCE
#include "pool.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

// ---- memory

// Large buffers are worth huge pages: a tile of a product is read again and again.
enum { HUGE_PAGE = 2 << 20 };

static void *aligned(int64_t size, int64_t align) {
#if defined(_WIN32)
	return _aligned_malloc(size, align);
#else
	void *p = NULL;
	return posix_memalign(&p, align, size) ? NULL : p;
#endif
}

void buffer_free(buffer *b) {
#if defined(_WIN32)
	_aligned_free(b->p);
#else
	free(b->p);
#endif
	b->p = NULL;
	b->size = 0;
}

void *buffer_get(buffer *b, int64_t size) {
	if (b->p && b->size >= size) return b->p;
	buffer_free(b);
	size = (size + size / 8 + 4095) & ~(int64_t)4095;
	b->p = aligned(size, size >= HUGE_PAGE ? HUGE_PAGE : 64);
	if (!b->p) return NULL;
	b->size = size;
#if defined(__linux__)
	if (size >= HUGE_PAGE) madvise(b->p, size, MADV_HUGEPAGE);
#endif
	return b->p;
}

// ---- waiting

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

static uint32_t sequence(uint64_t ticket) { return ticket >> 32; }
static int64_t ticket_chunks(uint64_t ticket) { return (ticket >> 16) & 0xffff; }
static int64_t ticket_next(uint64_t ticket) { return ticket & 0xffff; }

// Sleeps until the sequence number is no longer seq. May return early.
static void gate_wait(engine *e, uint32_t seq) {
#if defined(__linux__)
	uint32_t *word = (uint32_t *)&e->ticket + 1; // the high half: these machines are little-endian
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seq, NULL, NULL, 0);
#else
	pthread_mutex_lock(&e->mutex);
	while (sequence(atomic_load(&e->ticket)) == seq) pthread_cond_wait(&e->cond, &e->mutex);
	pthread_mutex_unlock(&e->mutex);
#endif
}

static void gate_wake(engine *e) {
#if defined(__linux__)
	syscall(SYS_futex, (uint32_t *)&e->ticket + 1, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
	pthread_mutex_lock(&e->mutex);
	pthread_cond_broadcast(&e->cond);
	pthread_mutex_unlock(&e->mutex);
#endif
}

static double seconds(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

// Waits for a sequence number other than seq: spinning for a moment, because most phases follow within microseconds
// and waking a thread takes 50, then asleep, because a thread that spins takes the processor from others.
static uint64_t await(engine *e, uint32_t seq) {
	for (int64_t i = 0; i < e->spins; i++) {
		uint64_t t = atomic_load_explicit(&e->ticket, memory_order_acquire);
		if (sequence(t) != seq) return t;
		relax();
	}
	atomic_fetch_add(&e->sleepers, 1);
	uint64_t t;
	while (sequence(t = atomic_load(&e->ticket)) == seq) gate_wait(e, seq);
	atomic_fetch_sub(&e->sleepers, 1);
	return t;
}

// Makes a phase of so many chunks the current one.
static void publish(engine *e, int64_t chunks) {
	uint64_t seq = sequence(atomic_load_explicit(&e->ticket, memory_order_relaxed)) + 1;
	atomic_store_explicit(&e->done, 0, memory_order_relaxed);
	atomic_store(&e->ticket, (seq & 0xffffffff) << 32 | (uint64_t)chunks << 16);
	if (atomic_load(&e->sleepers) > 0) gate_wake(e);
}

// ---- executing

// Sets up the next phase that is worth sharing, having done smaller ones here. Called by the one thread that ended the
// phase before, so that a thread which the system has put aside holds up nobody unless it holds a chunk.
static void advance(engine *e, worker *w) {
	while (e->at < e->count) {
		const op *o = &e->ops[e->at];
		if (e->failed || !plan(e, o)) {
			forget(e, o);
			e->at++;
			e->step = 0;
			continue;
		}
		e->step++;
		if (e->phase.chunks > 1) {
			publish(e, e->phase.chunks);
			return;
		}
		if (e->phase.chunks == 1) e->phase.run(e, w, 0);
	}
	atomic_store(&e->running, 0);
	publish(e, 0);
}

// Does chunks until the current phase has none left.
static void work(engine *e, worker *w, uint64_t t) {
	while (ticket_next(t) < ticket_chunks(t)) {
		t = atomic_fetch_add_explicit(&e->ticket, 1, memory_order_acq_rel);
		int64_t chunk = ticket_next(t), chunks = ticket_chunks(t);
		if (chunk >= chunks) return;
		e->phase.run(e, w, chunk);
		if (atomic_fetch_add_explicit(&e->done, 1, memory_order_acq_rel) + 1 == chunks) advance(e, w);
		t = atomic_load_explicit(&e->ticket, memory_order_acquire);
	}
}

static void *thread_main(void *arg) {
	worker *w = arg;
	engine *e = w->e;
	for (;;) {
		uint64_t t = atomic_load(&e->ticket);
		// Read after the ticket: whoever sees the last one sees this too, and doesn't wait for another.
		if (atomic_load(&e->stop)) return NULL;
		if (ticket_next(t) < ticket_chunks(t)) work(e, w, t);
		else await(e, sequence(t));
	}
}

int burble_run(engine *e, const op *ops, int64_t n, int changed) {
	worker *w = &e->workers[0];
	e->ops = ops;
	e->count = n;
	e->at = 0;
	e->step = 0;
	e->failed = 0;
	if (changed) {
		e->quantised_of.p = NULL;
		for (int i = 0; i < ROTATIONS; i++) e->rotations[i].valid = 0;
	}
	atomic_store(&e->running, 1);
	advance(e, w);
	while (atomic_load_explicit(&e->running, memory_order_acquire)) {
		uint64_t t = atomic_load_explicit(&e->ticket, memory_order_acquire);
		work(e, w, t);
		if (!atomic_load_explicit(&e->running, memory_order_acquire)) break;
		t = atomic_load_explicit(&e->ticket, memory_order_acquire);
		if (ticket_next(t) >= ticket_chunks(t) && atomic_load_explicit(&e->running, memory_order_acquire)) await(e, sequence(t));
	}
	return e->failed;
}

engine *burble_open(int threads, const kernels *k) {
	engine *e = aligned(sizeof *e, 64);
	if (!e) return NULL;
	memset(e, 0, sizeof *e);
	e->k = k;
	e->workers = calloc(threads, sizeof *e->workers);
	if (!e->workers) {
		buffer b = {e, 0};
		buffer_free(&b);
		return NULL;
	}
	pthread_mutex_init(&e->mutex, NULL);
	pthread_cond_init(&e->cond, NULL);
	double t = seconds();
	for (int i = 0; i < 1000; i++) {
		relax();
		atomic_load_explicit(&e->ticket, memory_order_acquire);
	}
	t = seconds() - t;
	e->spins = 200e-6 / (t / 1000) + 1;
	if (e->spins > 200000) e->spins = 200000;
	e->threads = 1;
	for (int i = 0; i < threads; i++) {
		e->workers[i].e = e;
		e->workers[i].index = i;
		if (i > 0) {
			if (pthread_create(&e->workers[i].thread, NULL, thread_main, &e->workers[i])) {
				burble_close(e);
				return NULL;
			}
			e->threads++;
		}
	}
	return e;
}

void burble_codebook(engine *e, int64_t type, const int8_t *values) { e->codebooks[type] = values; }

void burble_close(engine *e) {
	atomic_store(&e->stop, 1);
	publish(e, 0);
	for (int i = 1; i < e->threads; i++) pthread_join(e->workers[i].thread, NULL);
	for (int i = 0; i < e->threads; i++) buffer_free(&e->workers[i].scratch);
	buffer_free(&e->quantised_memory);
	buffer_free(&e->partial);
	buffer_free(&e->experts.memory);
	buffer_free(&e->experts.collected);
	for (int i = 0; i < ROTATIONS; i++) buffer_free(&e->rotations[i].table);
	pthread_cond_destroy(&e->cond);
	pthread_mutex_destroy(&e->mutex);
	free(e->workers);
	buffer b = {e, 0};
	buffer_free(&b);
}
