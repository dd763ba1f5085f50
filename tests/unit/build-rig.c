// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/build-rig.h"

#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <xen/elfnote.h>

#define SETUP_SECTORS 3u
#define PAYLOAD_OFFSET 0x77u
#define TEXT_OFFSET 0x400u
#define TEXT_SIZE 0x300u
#define DATA_OFFSET 0x800u
#define DATA_SIZE 0x123u
#define BSS_OFFSET 0xa00u
#define BSS_FILE 0x10u
#define NOTE_OFFSET 0xb00u
#define NOTE_OTHER 20u /* a note of type 18 of another owner: 12 + 4 + 4 */
#define NOTE_XEN6 24u  /* a note of type 6: 12 + 4 + 6, padded */
#define NOTE_SIZE (NOTE_OTHER + NOTE_XEN6 + 24u)
#define FILE_SIZE 0xc00u

const char *const rig_format_names[RIG_FORMATS] = { "gzip", "xz", "lz4", "zstd", "plain" };

static struct rig_bytes rig_alloc(size_t len)
{
	struct rig_bytes b = { calloc(1, len ? len : 1), len };

	if (!b.at)
		abort();
	return b;
}

static void rig_put_note(uint8_t *at, const char *owner, uint32_t type, const void *desc,
	uint32_t size)
{
	Elf64_Nhdr n = { strlen(owner) + 1, size, type };

	memcpy(at, &n, sizeof(n));
	memcpy(at + sizeof(n), owner, n.n_namesz);
	memcpy(at + sizeof(n) + 4, desc, size);
}

static void rig_contents(uint8_t *file, uint32_t entry_size)
{
	static const uint8_t vmcall[] = { 0x0f, 0x01, 0xc1, 0xc3 };
	static const uint8_t vmmcall[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x01, 0xd9, 0xe9, 0, 0, 0, 0 };
	uint64_t entry = RIG_ENTRY;

	memset(file + TEXT_OFFSET, 0xcc, TEXT_SIZE);
	memcpy(file + TEXT_OFFSET + RIG_VMCALL, vmcall, sizeof(vmcall));
	memcpy(file + TEXT_OFFSET + RIG_VMMCALL, vmmcall, sizeof(vmmcall));
	memset(file + DATA_OFFSET, 0xdd, DATA_SIZE);
	memcpy(file + DATA_OFFSET, vmcall, sizeof(vmcall)); /* data stays */
	memset(file + BSS_OFFSET, 0xbb, BSS_FILE);
	rig_put_note(file + NOTE_OFFSET, "GNU", XEN_ELFNOTE_PHYS32_ENTRY, "abcd", 4);
	rig_put_note(file + NOTE_OFFSET + NOTE_OTHER, "Xen", XEN_ELFNOTE_GUEST_OS, "linux", 6);
	rig_put_note(file + NOTE_OFFSET + NOTE_OTHER + NOTE_XEN6, "Xen", XEN_ELFNOTE_PHYS32_ENTRY,
		&entry, entry_size);
}

static void rig_ident(uint8_t *ident, uint8_t class)
{
	memcpy(ident, ELFMAG, SELFMAG);
	ident[EI_CLASS] = class;
	ident[EI_DATA] = ELFDATA2LSB;
	ident[EI_VERSION] = EV_CURRENT;
}

static const Elf64_Phdr rig_phdrs[RIG_SEGMENTS + 1] = {
	{ PT_LOAD, PF_R | PF_X, TEXT_OFFSET, 0, RIG_TEXT, TEXT_SIZE, TEXT_SIZE, 4096 },
	{ PT_LOAD, PF_R | PF_W, DATA_OFFSET, 0, RIG_DATA, DATA_SIZE, DATA_SIZE, 4096 },
	{ PT_LOAD, PF_R | PF_W, BSS_OFFSET, 0, RIG_BSS, BSS_FILE, RIG_END - RIG_BSS, 4096 },
	{ PT_NOTE, PF_R, NOTE_OFFSET, 0, 0, NOTE_SIZE, NOTE_SIZE, 4 },
};

struct rig_bytes rig_elf64(void)
{
	struct rig_bytes b = rig_alloc(FILE_SIZE);
	Elf64_Ehdr e = {
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_phoff = sizeof(e), .e_ehsize = sizeof(e), .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = RIG_SEGMENTS + 1,
	};

	rig_ident(e.e_ident, ELFCLASS64);
	memcpy(b.at, &e, sizeof(e));
	memcpy(b.at + sizeof(e), rig_phdrs, sizeof(rig_phdrs));
	rig_contents(b.at, 8);
	return b;
}

struct rig_bytes rig_elf32(void)
{
	struct rig_bytes b = rig_alloc(FILE_SIZE);
	Elf32_Ehdr e = {
		.e_type = ET_EXEC, .e_machine = EM_386, .e_version = EV_CURRENT,
		.e_phoff = sizeof(e), .e_ehsize = sizeof(e), .e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = RIG_SEGMENTS + 1,
	};

	rig_ident(e.e_ident, ELFCLASS32);
	memcpy(b.at, &e, sizeof(e));
	for (unsigned i = 0; i <= RIG_SEGMENTS; i++) {
		const Elf64_Phdr *p = &rig_phdrs[i];
		Elf32_Phdr q = { p->p_type, p->p_offset, 0, p->p_paddr, p->p_filesz, p->p_memsz,
			p->p_flags, p->p_align };

		memcpy(b.at + sizeof(e) + i * sizeof(q), &q, sizeof(q));
	}
	rig_contents(b.at, 4);
	return b;
}

Elf64_Ehdr *rig_ehdr(struct rig_bytes elf)
{
	return (Elf64_Ehdr *)elf.at;
}

Elf64_Phdr *rig_phdr(struct rig_bytes elf, unsigned i)
{
	return (Elf64_Phdr *)(elf.at + sizeof(Elf64_Ehdr)) + i;
}

Elf64_Nhdr *rig_note(struct rig_bytes elf)
{
	return (Elf64_Nhdr *)(elf.at + NOTE_OFFSET + NOTE_OTHER + NOTE_XEN6);
}

struct rig_bytes rig_bzimage_of(const void *payload, size_t len)
{
	size_t start = (SETUP_SECTORS + 1) * 512 + PAYLOAD_OFFSET;
	/* Something follows the payload in a real one. */
	struct rig_bytes b = rig_alloc(start + len + 100);
	uint32_t offset = PAYLOAD_OFFSET, length = len;

	b.at[0x1f1] = SETUP_SECTORS;
	memcpy(b.at + 0x202, "HdrS\x0f\x02", 6);
	memcpy(b.at + 0x248, &offset, 4);
	memcpy(b.at + 0x24c, &length, 4);
	memcpy(b.at + start, payload, len);
	return b;
}

static size_t rig_gzip(struct rig_bytes in, uint8_t *out, size_t room)
{
	z_stream z = { .next_in = in.at, .avail_in = in.len, .next_out = out, .avail_out = room };

	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK ||
		deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	deflateEnd(&z);
	return z.total_out;
}

/* As Linux's: CRC32, and the filter for x86. */
static size_t rig_xz(struct rig_bytes in, uint8_t *out, size_t room)
{
	lzma_options_lzma options;
	lzma_filter filters[] = {
		{ LZMA_FILTER_X86, NULL }, { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL },
	};
	size_t n = 0;

	if (lzma_lzma_preset(&options, 6) || lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL,
		in.at, in.len, out, &n, room) != LZMA_OK)
		abort();
	return n;
}

static size_t rig_lz4(struct rig_bytes in, uint8_t *out, size_t room)
{
	static const uint8_t magic[] = { 0x02, 0x21, 0x4c, 0x18 };
	size_t used = sizeof(magic);

	memcpy(out, magic, used);
	for (size_t done = 0; done < in.len;) {
		size_t n = in.len - done < 8u << 20 ? in.len - done : 8u << 20;
		int packed = LZ4_compress_default((const char *)in.at + done, (char *)out + used + 4, n,
			room - used - 4);

		if (packed <= 0)
			abort();
		memcpy(out + used, &packed, 4);
		used += 4 + packed;
		done += n;
	}
	return used;
}

static size_t rig_zstd(struct rig_bytes in, uint8_t *out, size_t room)
{
	size_t n = ZSTD_compress(out, room, in.at, in.len, 3);

	if (ZSTD_isError(n))
		abort();
	return n;
}

static size_t rig_plain(struct rig_bytes in, uint8_t *out, size_t room)
{
	memcpy(out, in.at, in.len);
	return in.len;
}

struct rig_bytes rig_bzimage(struct rig_bytes elf, enum rig_format format)
{
	static size_t (*const pack[])(struct rig_bytes, uint8_t *, size_t) = {
		rig_gzip, rig_xz, rig_lz4, rig_zstd, rig_plain,
	};
	struct rig_bytes packed = rig_alloc(elf.len * 2 + 4096), image;
	size_t n = pack[format](elf, packed.at, packed.len - 4);
	uint32_t size = elf.len;

	if (format != RIG_GZIP) {
		memcpy(packed.at + n, &size, 4);
		n += 4;
	}
	image = rig_bzimage_of(packed.at, n);
	free(packed.at);
	return image;
}

uint64_t rig_random(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}
