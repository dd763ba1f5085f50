// SPDX-License-Identifier: MIT
/* Tables and field names: ACPI specification 5.0, chapter 5. */
#include "config.h"
#include "hypervisor/build/acpi.h"

#include <string.h>

#include "hypervisor/vm/layout.h"

#define PACKED __attribute__((packed))

struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem_id[6], oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} PACKED;

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} PACKED;

struct acpi_xsdt {
	struct acpi_header h;
	uint64_t tables[2];
} PACKED;

/* Generic address structure */
struct acpi_address {
	uint8_t space, bits, bit_offset, access;
	uint64_t address;
} PACKED;

#define SPACE_IO 1
#define ACCESS_BYTE 1

/* What a hardware-reduced machine lacks has no name here. */
struct acpi_fadt {
	struct acpi_header h;
	uint32_t firmware_ctrl, dsdt;
	uint8_t fixed_hardware[65];
	uint16_t iapc_boot_arch;
	uint8_t reserved;
	uint32_t flags;
	struct acpi_address reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor_version;
	uint64_t x_firmware_ctrl, x_dsdt;
	struct acpi_address x_fixed_hardware[8];
	struct acpi_address sleep_control, sleep_status;
} PACKED;

_Static_assert(sizeof(struct acpi_fadt) == 268, "FADT of ACPI 5.0");

#define BOOT_NO_VGA (1u << 2)
#define BOOT_NO_CMOS_RTC (1u << 5)
#define FADT_WBINVD (1u << 0)
#define FADT_NO_POWER_BUTTON (1u << 4) /* no fixed one */
#define FADT_NO_SLEEP_BUTTON (1u << 5)
#define FADT_RESET_REG_SUP (1u << 10)
#define FADT_HW_REDUCED (1u << 20)

struct acpi_madt {
	struct acpi_header h;
	uint32_t lapic_address, flags;
	struct acpi_lapic {
		uint8_t type, length, acpi_id, apic_id;
		uint32_t flags;
	} PACKED lapics[];
} PACKED;

#define MADT_LAPIC 0
#define LAPIC_ENABLED 1u

/* Name (_S5, Package () { VM_S5_TYPE, VM_S5_TYPE, 0, 0 }) */
static const uint8_t dsdt_code[] = {
	0x08, '_', 'S', '5', '_',     /* NameOp */
	0x12, 0x08, 0x04,             /* PackageOp, its length, 4 elements */
	0x0a, VM_S5_TYPE,             /* BytePrefix */
	0x0a, VM_S5_TYPE,
	0x00, 0x00,                   /* ZeroOp */
};

struct acpi_dsdt {
	struct acpi_header h;
	uint8_t code[sizeof(dsdt_code)];
} PACKED;

/* Where each table is in the area. */
struct acpi_tables {
	struct acpi_rsdp rsdp;
	_Alignas(16) struct acpi_xsdt xsdt;
	_Alignas(16) struct acpi_fadt fadt;
	_Alignas(16) struct acpi_dsdt dsdt;
	_Alignas(16) struct acpi_madt madt;
};

_Static_assert(sizeof(struct acpi_tables) + VM_MAX_VCPUS * sizeof(struct acpi_lapic) <= ACPI_ROOM,
	"the tables fit");
_Static_assert(ACPI_ROOM <= VM_ACPI_SIZE, "the area holds them");

/* What makes the sum of all bytes zero. */
static uint8_t acpi_checksum(const void *table, size_t len)
{
	const uint8_t *at = table;
	uint8_t sum = 0;

	while (len--)
		sum += *at++;
	return -sum;
}

/* Call it last: the checksum covers the whole table. */
static void acpi_header(struct acpi_header *h, const char *signature, uint8_t revision,
	uint32_t length)
{
	memcpy(h->signature, signature, sizeof(h->signature));
	h->length = length;
	h->revision = revision;
	memcpy(h->oem_id, "SLUICE", sizeof(h->oem_id));
	memcpy(h->oem_table_id, "SLUICEVM", sizeof(h->oem_table_id));
	h->oem_revision = 1;
	memcpy(h->creator_id, "SLCE", sizeof(h->creator_id));
	h->creator_revision = 1;
	h->checksum = 0;
	h->checksum = acpi_checksum(h, length);
}

static void acpi_rsdp(struct acpi_rsdp *r, uint64_t xsdt)
{
	memcpy(r->signature, "RSD PTR ", sizeof(r->signature));
	memcpy(r->oem_id, "SLUICE", sizeof(r->oem_id));
	r->revision = 2;
	r->length = sizeof(*r);
	r->xsdt = xsdt;
	r->checksum = acpi_checksum(r, 20); /* the fields of ACPI 1.0 */
	r->extended_checksum = acpi_checksum(r, sizeof(*r));
}

static struct acpi_address acpi_port(uint16_t port)
{
	return (struct acpi_address){ SPACE_IO, 8, 0, ACCESS_BYTE, port };
}

static void acpi_fadt(struct acpi_fadt *f, uint64_t dsdt)
{
	f->dsdt = dsdt;
	f->x_dsdt = dsdt;
	f->iapc_boot_arch = BOOT_NO_VGA | BOOT_NO_CMOS_RTC; /* and no 8042, no legacy devices */
	f->flags = FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET_REG_SUP |
		FADT_HW_REDUCED;
	f->reset_reg = acpi_port(VM_RESET_PORT);
	f->reset_value = VM_RESET_VALUE;
	f->sleep_control = acpi_port(VM_SLEEP_CONTROL_PORT);
	f->sleep_status = acpi_port(VM_SLEEP_STATUS_PORT);
	acpi_header(&f->h, "FACP", 5, sizeof(*f));
}

static void acpi_madt(struct acpi_madt *m, unsigned vcpus)
{
	m->lapic_address = VM_LAPIC_BASE;
	for (unsigned i = 0; i < vcpus; i++)
		m->lapics[i] = (struct acpi_lapic){ MADT_LAPIC, sizeof(m->lapics[i]), i, i,
			LAPIC_ENABLED };
	acpi_header(&m->h, "APIC", 3, sizeof(*m) + vcpus * sizeof(m->lapics[0]));
}

uint64_t acpi_write(uint8_t *to, uint64_t gpa, unsigned max_vcpus)
{
	struct acpi_tables *t = (struct acpi_tables *)to;

	t->xsdt.tables[0] = gpa + offsetof(struct acpi_tables, fadt);
	t->xsdt.tables[1] = gpa + offsetof(struct acpi_tables, madt);
	acpi_header(&t->xsdt.h, "XSDT", 1, sizeof(t->xsdt));
	memcpy(t->dsdt.code, dsdt_code, sizeof(dsdt_code));
	acpi_header(&t->dsdt.h, "DSDT", 2, sizeof(t->dsdt));
	acpi_fadt(&t->fadt, gpa + offsetof(struct acpi_tables, dsdt));
	acpi_madt(&t->madt, max_vcpus);
	acpi_rsdp(&t->rsdp, gpa + offsetof(struct acpi_tables, xsdt));
	return gpa;
}
