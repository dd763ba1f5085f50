// SPDX-License-Identifier: MIT
/*
 * The hypervisor's end of the domain builder, for scripts.
 *
 *     build-peer make elf64|elf32|gzip|xz|lz4|zstd|plain >KERNEL
 *     build-peer run [NAME=NUMBER].. -- BUILDER ARGUMENT.. 3<KERNEL
 *
 * run: starts BUILDER with descriptor 10 as its --hypervisor-fd, and prints its answer and what
 * it put into the memory. NAMEs: ram (MiB), vcpus, max, port, version; short=1: a memfd that is
 * too small; nofd=1: no memfd; close=1: no order. Exits with BUILDER's status, or 3.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "common/array.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "hypervisor/build/build-wire.h"
#include "hypervisor/vm/layout.h"
#include "tests/unit/build-rig.h"

#define BUILDER_FD 10

enum { N_RAM, N_VCPUS, N_MAX, N_PORT, N_VERSION, N_SHORT, N_NOFD, N_CLOSE, N_COUNT };
static const char *const names[N_COUNT] = { "ram", "vcpus", "max", "port", "version", "short",
	"nofd", "close" };
static uint64_t numbers[N_COUNT] = { 64, 1, 1, 0xe4, BUILD_WIRE_VERSION, 0, 0, 0 };

static int make(const char *format)
{
	struct rig_bytes file = strcmp(format, "elf32") == 0 ? rig_elf32() : rig_elf64();

	for (unsigned f = 0; f < RIG_FORMATS; f++) {
		if (strcmp(format, rig_format_names[f]) == 0) {
			struct rig_bytes image = rig_bzimage(file, f);

			free(file.at);
			file = image;
		}
	}
	if (fwrite(file.at, 1, file.len, stdout) != file.len || fflush(stdout) != 0)
		die("cannot write: %s", strerror(errno));
	free(file.at);
	return 0;
}

static void parse_number(const char *text)
{
	for (unsigned i = 0; i < N_COUNT; i++) {
		size_t n = strlen(names[i]);

		if (strncmp(text, names[i], n) == 0 && text[n] == '=') {
			numbers[i] = strtoull(text + n + 1, NULL, 0);
			return;
		}
	}
	die("unknown: %s", text);
}

static void send_order(int sock, int memfd)
{
	struct build_order order = { numbers[N_VERSION], numbers[N_VCPUS], numbers[N_MAX], numbers[N_PORT],
		numbers[N_RAM] << 20 };

	int rc = 0;

	if (!numbers[N_CLOSE])
		rc = fd_send(sock, &order, sizeof(order), &memfd, numbers[N_NOFD] ? 0 : 1);
	/* A builder that does not like its files may have ended by now. */
	if (rc < 0 && rc != -EPIPE && rc != -ECONNRESET)
		die("cannot send the order");
}

static pid_t start(int sock, char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (pid == 0) {
		if (dup2(sock, BUILDER_FD) < 0)
			die("dup2: %s", strerror(errno));
		execvp(command[0], command);
		die("%s: %s", command[0], strerror(errno));
	}
	return pid;
}

static void get(int memfd, uint64_t at, void *to, size_t len)
{
	if (pread(memfd, to, len, at) != (ssize_t)len)
		die("the answer points outside of the memory");
}

static void show(int memfd, const struct build_result *r)
{
	struct hvm_start_info info;
	char cmdline[64] = "";

	printf("version=%u entry=0x%x start-info=0x%x rewritten=%u\n", r->version, r->entry,
		r->start_info, r->rewritten);
	get(memfd, r->start_info, &info, sizeof(info));
	get(memfd, info.cmdline_paddr, cmdline, sizeof(cmdline) - 1);
	printf("magic=0x%x cmdline=%s modules=%u rsdp=0x%" PRIx64 "\n", info.magic, cmdline,
		info.nr_modules, info.rsdp_paddr);
	for (unsigned i = 0; i < info.memmap_entries && i < 8; i++) {
		struct hvm_memmap_table_entry e;

		get(memfd, info.memmap_paddr + i * sizeof(e), &e, sizeof(e));
		printf("map 0x%" PRIx64 " 0x%" PRIx64 " %u\n", e.addr, e.size, e.type);
	}
	if (info.nr_modules) {
		struct hvm_modlist_entry m;
		char head[17] = "";

		get(memfd, info.modlist_paddr, &m, sizeof(m));
		get(memfd, m.paddr, head, sizeof(head) - 1);
		printf("module %" PRIu64 " %s\n", m.size, head);
	}
}

static int run(char **command)
{
	struct build_result result;
	int ends[2], status, memfd;
	unsigned nfds = 0;
	ssize_t n;
	pid_t pid;

	memfd = memfd_create("vm", MFD_CLOEXEC);
	if (memfd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		die("cannot make a memfd or a socket");
	if (ftruncate(memfd, (numbers[N_RAM] << 20) + (numbers[N_SHORT] ? 0 : VM_SPECIAL_SIZE)) < 0)
		die("cannot size the memfd");
	pid = start(ends[1], command);
	close(ends[1]);
	send_order(ends[0], memfd);
	if (numbers[N_CLOSE])
		shutdown(ends[0], SHUT_WR);
	n = fd_recv(ends[0], &result, sizeof(result), NULL, &nfds);
	if (n == (ssize_t)sizeof(result))
		show(memfd, &result);
	else if (n != 0 && n != -ECONNRESET)
		printf("a strange answer: %zd\n", n);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 3;
	/* An answer means success, and only then. */
	return (WEXITSTATUS(status) == 0) == (n == sizeof(result)) ? WEXITSTATUS(status) : 3;
}

int main(int argc, char **argv)
{
	int i = 2;

	log_init("build-peer");
	if (argc == 3 && strcmp(argv[1], "make") == 0)
		return make(argv[2]);
	if (argc < 4 || strcmp(argv[1], "run") != 0)
		die("see the comment in its source");
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		parse_number(argv[i]);
	if (i + 1 >= argc)
		die("no builder");
	return run(argv + i + 1);
}
