// SPDX-License-Identifier: MIT
/* What lvs 2.03 reported of real volumes, and what becomes of it. */
#include "config.h"
#include "backends/blk/lvm-report.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define REPORT(lv) "  {\n      \"report\": [\n          {\n              \"lv\": [\n" lv "\n              ]\n          }\n      ]\n  }\n"
#define UUIDS "\"vg_uuid\":\"pDE3Cd-WQUl-pjZe-e8JG-Q32W-8Xsc-pwb1tR\", \"lv_uuid\":\"vWJubt-EjEc-mZC3-AHxA-7Zk6-5t0y-Gxs0AJ\", "
#define END "\"vg_partial\":\"0\", \"vg_exported\":\"0\", \"vg_shared\":\"0\", \"lv_health_status\":\"\"}"

static const char inactive[] = REPORT("{\"vg_name\":\"vg\", \"lv_name\":\"one\", " UUIDS
	"\"lv_layout\":\"linear\", \"lv_role\":\"public\", \"lv_active\":\"\", \"lv_merging\":\"0\", \"lv_snapshot_invalid\":\"-1\", \"lv_attr\":\"-wi-------\", " END);
static const char active[] = REPORT("{\"vg_name\":\"vg\", \"lv_name\":\"one\", " UUIDS
	"\"lv_layout\":\"linear\", \"lv_role\":\"public\", \"lv_active\":\"active\", \"lv_merging\":\"0\", \"lv_snapshot_invalid\":\"-1\", \"lv_attr\":\"-wi-a-----\", " END);
static const char readonly[] = REPORT("{\"vg_name\":\"vg\", \"lv_name\":\"one\", " UUIDS
	"\"lv_layout\":\"linear\", \"lv_role\":\"public\", \"lv_active\":\"\", \"lv_merging\":\"0\", \"lv_snapshot_invalid\":\"-1\", \"lv_attr\":\"-ri-------\", " END);
static const char pool[] = REPORT("{\"vg_name\":\"vg\", \"lv_name\":\"one\", " UUIDS
	"\"lv_layout\":\"thin,pool\", \"lv_role\":\"private\", \"lv_active\":\"active\", \"lv_merging\":\"0\", \"lv_snapshot_invalid\":\"-1\", \"lv_attr\":\"twi-aotz--\", " END);
static const char thin[] = REPORT("{\"vg_name\":\"vg\", \"lv_name\":\"one\", " UUIDS
	"\"lv_layout\":\"thin,sparse\", \"lv_role\":\"public\", \"lv_active\":\"\", \"lv_merging\":\"0\", \"lv_snapshot_invalid\":\"-1\", \"lv_attr\":\"Vwi---tz--\", " END);
static const char part[] = REPORT("{\"vg_name\":\"vg\", \"lv_name\":\"[pool_tdata]\", " UUIDS
	"\"lv_layout\":\"linear\", \"lv_role\":\"private,thin,pool,data\", \"lv_active\":\"active\", \"lv_merging\":\"0\", \"lv_snapshot_invalid\":\"-1\", \"lv_attr\":\"Twi-ao----\", " END);

static struct lvm_report r;
static char why[400];

static void take(const char *text, const char *full)
{
	assert_int_equal(lvm_report_parse(text, full, &r), 0);
}

static void expect_refused(bool read, int error, const char *text)
{
	assert_int_equal(lvm_report_check(&r, "vg/one", read, why, sizeof(why)), error);
	if (!strstr(why, text) || !strstr(why, "vg/one"))
		fail_msg("\"%s\" does not say \"%s\"", why, text);
}

static void a_plain_volume_is_a_disk(void **state)
{
	take(inactive, "vg/one");
	assert_false(r.active || r.shared || r.readonly);
	assert_string_equal(r.lv_uuid, "vWJubt-EjEc-mZC3-AHxA-7Zk6-5t0y-Gxs0AJ");
	assert_int_equal(lvm_report_check(&r, "vg/one", false, why, sizeof(why)), 0);
	take(active, "vg/one");
	assert_true(r.active);
	assert_int_equal(lvm_report_check(&r, "vg/one", false, why, sizeof(why)), 0);
	take(thin, "vg/one");
	assert_int_equal(lvm_report_check(&r, "vg/one", false, why, sizeof(why)), 0);
}

static void what_cannot_be_a_disk_is_refused(void **state)
{
	take(pool, "vg/one");
	expect_refused(true, -EINVAL, "is a pool");
	take(part, "vg/pool_tdata");
	expect_refused(true, -EINVAL, "keeps for itself");
	take(readonly, "vg/one");
	expect_refused(false, -EROFS, "mode r");
	assert_int_equal(lvm_report_check(&r, "vg/one", true, why, sizeof(why)), 0);
}

/* Its text with one of the fields another. */
static void take_with(const char *text, const char *field, const char *with)
{
	const char *at = strstr(text, field);
	char changed[2048];

	assert_non_null(at);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, with, at + strlen(field));
	take(changed, "vg/one");
}

static void what_is_not_well_is_refused(void **state)
{
	take_with(active, "\"lv_merging\":\"0\"", "\"lv_merging\":\"1\"");
	expect_refused(true, -EBUSY, "is being merged");
	take_with(active, "\"lv_snapshot_invalid\":\"-1\"", "\"lv_snapshot_invalid\":\"1\"");
	expect_refused(true, -EIO, "ran out of room");
	take_with(active, "\"lv_health_status\":\"\"", "\"lv_health_status\":\"partial\"");
	expect_refused(true, -EIO, "lacks physical volumes");
	take_with(active, "\"vg_exported\":\"0\"", "\"vg_exported\":\"1\"");
	expect_refused(true, -EINVAL, "vgimport");
	/* Others of the group's volumes lack something, this one does not. */
	take_with(active, "\"vg_partial\":\"0\"", "\"vg_partial\":\"1\"");
	assert_int_equal(lvm_report_check(&r, "vg/one", false, why, sizeof(why)), 0);
}

static void what_makes_no_sense_is_not_taken(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{}", "null", "{\"report\":{}}",
		"{\"report\":[]}", "{\"report\":[{\"lv\":{}}]}", "{\"report\":[{\"lv\":[{}]}]}",
		"{\"report\":[{\"lv\":[1]}]}", "{\"report\":[{\"lv\":[{\"vg_name\":\"vg\",\"lv_name\":\"one\"}]}]}" };
	char text[2048];

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(lvm_report_parse(texts[i], "vg/one", &r), -EPROTO);
	/* Of another volume, or of several. */
	assert_int_equal(lvm_report_parse(active, "vg/on", &r), -EPROTO);
	assert_int_equal(lvm_report_parse(active, "vg/one2", &r), -EPROTO);
	assert_int_equal(lvm_report_parse(active, "v/gone", &r), -EPROTO);
	assert_int_equal(lvm_report_parse(part, "vg/pool_tdat", &r), -EPROTO);
	assert_int_equal(lvm_report_parse(REPORT(""), "vg/one", &r), -ENOENT);
	/* Of which a file's name would be made. */
	snprintf(text, sizeof(text), "%s", active);
	memcpy(strstr(text, "vWJubt"), "../etc", 6);
	assert_int_equal(lvm_report_parse(text, "vg/one", &r), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_volume_is_a_disk),
		cmocka_unit_test(what_cannot_be_a_disk_is_refused),
		cmocka_unit_test(what_is_not_well_is_refused),
		cmocka_unit_test(what_makes_no_sense_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
