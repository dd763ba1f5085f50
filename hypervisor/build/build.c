// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/build.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "hypervisor/build/acpi.h"
#include "hypervisor/build/bzimage.h"
#include "hypervisor/build/decompress.h"
#include "hypervisor/build/rewrite.h"
#include "hypervisor/build/start-info.h"
#include "hypervisor/vm/layout.h"

static int unpack_bzimage(const uint8_t *file, size_t len, struct build_elf *out,
	struct build_error *err)
{
	const uint8_t *payload;
	size_t payload_len, size;
	void *to;

	if (bzimage_payload(file, len, &payload, &payload_len, err) < 0)
		return -EINVAL;
	if (elf_is(payload, payload_len)) {
		*out = (struct build_elf){ payload, payload_len, NULL };
		return 0;
	}
	if (decompress_size(payload, payload_len, BUILD_FILE_MAX, &size, err) < 0)
		return -EINVAL;
	to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (to == MAP_FAILED)
		return build_fail(err, "no memory to unpack the kernel: %s", strerror(errno));
	*out = (struct build_elf){ to, size, to };
	if (decompress(payload, payload_len, to, size, err) < 0) {
		build_unpack_end(out);
		return -EINVAL;
	}
	return 0;
}

int build_unpack(const uint8_t *file, size_t len, struct build_elf *out, struct build_error *err)
{
	*out = (struct build_elf){ file, len, NULL };
	if (elf_is(file, len))
		return 0;
	if (bzimage_is(file, len))
		return unpack_bzimage(file, len, out, err);
	if (len == 0)
		return build_fail(err, "the file is empty, no kernel");
	return build_fail(err, "the file is no kernel: neither an ELF file nor a bzImage");
}

void build_unpack_end(struct build_elf *elf)
{
	if (elf->unpacked)
		munmap(elf->unpacked, elf->len);
	elf->unpacked = NULL;
}

/* The memory is zeroed: only what the file has is written. Returns hypercalls rewritten. */
static unsigned load_segments(const struct build_memory *mem, const struct elf_kernel *kernel,
	const uint8_t *elf, uint32_t port)
{
	unsigned rewritten = 0;

	for (unsigned i = 0; i < kernel->nr_segments; i++) {
		const struct elf_segment *s = &kernel->segments[i];

		memcpy(mem->low + s->paddr, elf + s->offset, s->filesz);
		if (s->exec && port)
			rewritten += rewrite_hypercalls(mem->low + s->paddr, s->filesz, s->paddr, port);
	}
	return rewritten;
}

int build_kernel(const struct build_memory *mem, const struct build_order *order,
	const uint8_t *file, size_t len, size_t cmdline_len, struct place *place,
	struct build_result *result, struct build_error *err)
{
	struct elf_kernel kernel;
	struct build_elf elf;
	int rc = build_unpack(file, len, &elf, err);

	if (rc < 0)
		return rc;
	rc = elf_parse(elf.file, elf.len, &kernel, err);
	if (rc == 0)
		rc = place_plan(order, &kernel, cmdline_len, place, err);
	if (rc == 0)
		*result = (struct build_result){
			.version = BUILD_WIRE_VERSION,
			.entry = kernel.entry,
			.rewritten = load_segments(mem, &kernel, elf.file, order->hypercall_port),
		};
	build_unpack_end(&elf);
	return rc;
}

void build_finish(const struct build_memory *mem, const struct build_order *order,
	const struct place *place, const char *cmdline, uint64_t initrd_bytes,
	struct build_result *result)
{
	uint64_t rsdp = acpi_write(mem->special + (VM_ACPI_BASE - VM_SPECIAL_BASE), VM_ACPI_BASE,
		order->max_vcpus);

	start_info_write(mem->low, place, cmdline, initrd_bytes, rsdp);
	result->start_info = place->start_info;
}
