/* SPDX-License-Identifier: MIT */
/* The verbs' way to the user's stacks. */
#ifndef SLUICE_TOOLS_CLIENT_H
#define SLUICE_TOOLS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "tools/boot-ask.h"

struct xs_handle;

/** struct client_vm - a vm, or a process driver domain, of one of the user's stacks. */
struct client_vm {
	char dir[108];       /* the stack's run directory */
	char name[64];
	unsigned domid;
	unsigned memory_mib;
	unsigned vcpus;
	char state[16];
	uint64_t cpu_ns;
	char uuid[40];
	bool driver;
	char type[8];        /* pvh or process */
};

/**
 * client_ask() - ask the stack whose run directory is @dir; it may wait for a driver domain.
 * @words: the request, NULL-terminated
 * @reply: BOOT_MESSAGE_MAX bytes: what follows "ok", or the error
 */
enum boot_answer client_ask(const char *dir, const char *const *words, char *reply);
/** client_look() - the same with a word that a stack answers at once; said if it is silent. */
enum boot_answer client_look(const char *dir, const char *word, char *reply);
/** client_each() - all vms of the user. 0, or -ETIMEDOUT: some of the stacks, which are named, are silent. */
int client_each(void (*fn)(const struct client_vm *vm, void *opaque), void *opaque);
/** client_find() - by name or domid; said if there is none, or more than one. 0 or -errno. */
int client_find(const char *what, struct client_vm *vm) must_check;
/** client_is_gone() - whether that vm is there no more, nor another life of it. */
bool client_is_gone(const struct client_vm *vm);
/**
 * client_request() - one for a vm, said if it fails.
 * @arg1, @arg2: what follows the name; or NULL
 * @reply: BOOT_MESSAGE_MAX bytes, or NULL
 *
 * Return: the exit status.
 */
int client_request(const struct client_vm *vm, const char *verb, const char *arg1, const char *arg2,
	char *reply);
/** client_store() - the vm's stack's store, as domain 0; NULL: said. xs_close() ends it. */
struct xs_handle *client_store(const struct client_vm *vm);
/**
 * client_stack() - the run directory of the stack of sluice create.
 * Return: 0; -ENOENT: there is none; -ETIMEDOUT: this is it, and it is silent, which is said.
 */
int client_stack(char *dir, size_t room) must_check;
/** client_stack_start() - the same, started if it is not there; said if that fails. */
int client_stack_start(char *dir, size_t room) must_check;

#endif
