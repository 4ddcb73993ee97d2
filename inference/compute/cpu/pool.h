// Threads that execute a list of ops together.
#ifndef BURBLE_POOL_H
#define BURBLE_POOL_H

#include <pthread.h>
#include <stdatomic.h>

#include "kernels.h"

// Memory that grows and is freed with its owner.
typedef struct {
	void *p;
	int64_t size;
} buffer;

void *buffer_get(buffer *b, int64_t size); // NULL without memory; 64-byte aligned; contents are lost when it grows
void buffer_free(buffer *b);

typedef struct worker {
	engine *e;
	int index;
	pthread_t thread;
	buffer scratch;
} worker;

// A table of rotations, kept for the other layers of a pass.
typedef struct {
	const void *freq;
	int64_t past, n, pairs;
	float magnitude;
	buffer table; // cosines of n rows, then sines
	int valid;
} rotations;

enum { ROTATIONS = 4 };

// A product with experts: the rows of x that chose the same one are collected, and the results put back.
typedef struct {
	buffer memory, collected;
	int32_t *start;  // rows [start[i], start[i + 1]) of expert i
	int32_t *chosen; // the experts that have rows
	int64_t count;   // of them
	int32_t *rows;   // rows of the output by expert
	char *x;         // collected floats, or NULL
	int64_t x_stride;
	quantised xq;    // or rounded rows
	char *out;
	int64_t out_stride;
} experts;

// A phase is a part of an op whose chunks can be done in any order, at once.
typedef struct phase {
	const op *o;
	void (*run)(engine *e, worker *w, int64_t chunk);
	int64_t chunks;
	int64_t per; // rows or elements of a chunk
} phase;

struct engine {
	const kernels *k;
	int threads;
	worker *workers; // the first is the caller
	int64_t spins;   // about 0.1 ms of waiting
	const int8_t *codebooks[T_COUNT];

	// The state of the current phase in one word, so that a thread that slept through its end can't take a chunk of the
	// next one for one of its own: sequence number (32 bits), number of chunks (16), next chunk (16).
	_Alignas(64) _Atomic uint64_t ticket;
	_Alignas(64) _Atomic int64_t done; // chunks of the phase that are finished
	_Alignas(64) _Atomic int sleepers;
	_Atomic int stop;
	_Atomic int running; // a list is being executed
	pthread_mutex_t mutex; // where there is no futex
	pthread_cond_t cond;

	// What follows belongs to the thread that ends a phase and sets up the next.
	_Alignas(64) phase phase;
	const op *ops;
	int64_t count, at;
	int step; // phases of the current op begun
	int failed;

	// Scratch that the phases of ops share.
	buffer quantised_memory;
	quantised quantised;
	view quantised_of; // the activation that is quantised; p is NULL for none
	product product;
	view then; // the weight of the next product of few rows, whose beginning is fetched at the end of this one; p is NULL for none
	experts experts;
	attention attention;
	buffer partial;
	int64_t spans;
	rotations rotations[ROTATIONS];
	int next_rotations;
	rotations *turn;
};

// Sets up phase number e->step of op o in e->phase. Returns 0 when the op has no such phase.
int plan(engine *e, const op *o);

// Forgets what was computed from memory that o overwrites.
void forget(engine *e, const op *o);

#endif
