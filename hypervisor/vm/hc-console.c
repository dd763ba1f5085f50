// SPDX-License-Identifier: MIT
/*
 * console_io: what a guest says before it has a console (earlyprintk=xen), as lines of the
 * log. They carry the domain's id, no control characters, and are limited in number.
 */
#include "config.h"

#include <errno.h>

#include "hypervisor/vm/vm.h"

/* At once; Linux writes a line at a time. */
#define CONSOLE_CHUNK 256u
#define CONSOLE_MAX 4096u

static void console_flush(struct vm *vm)
{
	struct vm_console *console = &vm->console;

	if (console->len && log_limit_ok(&console->limit))
		log_info("domain %u says: %.*s", vm->d.domid, (int)console->len, console->line);
	console->len = 0;
}

static void console_char(struct vm *vm, char c)
{
	struct vm_console *console = &vm->console;

	if (c == '\n' || console->len == sizeof(console->line))
		console_flush(vm);
	if (c == '\n' || c == '\r')
		return;
	/* Nothing that moves a cursor or starts a line, and no bytes of a terminal's C1 set. */
	console->line[console->len++] = c >= ' ' && c <= '~' ? c : '.';
}

static int64_t console_write(struct vcpu *v, uint32_t count, uint64_t buffer)
{
	char chunk[CONSOLE_CHUNK];

	count = count < CONSOLE_MAX ? count : CONSOLE_MAX;
	while (count) {
		uint32_t n = count < sizeof(chunk) ? count : sizeof(chunk);

		if (guest_read(v, buffer, chunk, n) < 0)
			return -EFAULT;
		pthread_mutex_lock(&v->vm->console.lock);
		for (uint32_t i = 0; i < n; i++)
			console_char(v->vm, chunk[i]);
		pthread_mutex_unlock(&v->vm->console.lock);
		buffer += n;
		count -= n;
	}
	return 0;
}

int64_t hc_console(struct vcpu *v, uint32_t cmd, uint32_t count, uint64_t buffer)
{
	switch (cmd) {
	case CONSOLEIO_write:
		return console_write(v, count, buffer);
	case CONSOLEIO_read:
		/* Nobody types there. */
		return 0;
	default:
		return hypercall_unknown(v, __HYPERVISOR_console_io, cmd);
	}
}
