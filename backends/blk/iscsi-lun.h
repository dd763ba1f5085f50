/* SPDX-License-Identifier: MIT */
/*
 * What a SCSI unit says about itself, and what its answers to commands mean. Pure: works on
 * bytes that a target sent, which are checked as if a stranger wrote them.
 */
#ifndef SLUICE_BACKENDS_BLK_ISCSI_LUN_H
#define SLUICE_BACKENDS_BLK_ISCSI_LUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/blk/driver.h"

#define LUN_CDB 16u
#define LUN_UNMAP_LIST 24u /* one descriptor */

/** enum lun_trim - how ranges are given back or zeroed. */
enum lun_trim { LUN_TRIM_NONE, LUN_TRIM_UNMAP, LUN_TRIM_WRITE_SAME };

/** struct lun - a unit; zero at first, filled by what follows. */
struct lun {
	uint64_t blocks;
	uint32_t block_size, physical_size;
	bool provisioned;        /* LBPME: it can have unmapped blocks */
	bool zeroes;             /* LBPRZ: and they read as zeroes */
	bool write_protected;
	bool cache_known, cache; /* whether completed writes may be in a volatile cache */
	bool rotational;
	bool can_unmap, can_write_same_unmap; /* page B2 */
	uint32_t max_transfer;   /* blocks; 0: it says none */
	uint32_t max_unmap, unmap_granularity; /* blocks; 0: it says none */
	uint64_t max_write_same; /* blocks; 0: it says none */
	uint64_t identity[2];
};

/* --- what it says: 0, or -EINVAL: it makes no sense ------------------------------------------ */

/** lun_parse_inquiry() - standard inquiry data: 0, or -ENXIO with @why: it is no disk. */
int lun_parse_inquiry(const uint8_t *data, size_t len, char *why, size_t room) must_check;
/** lun_parse_capacity() - of READ CAPACITY(16). @why: what is wrong, a clause. */
int lun_parse_capacity(const uint8_t *data, size_t len, struct lun *lun, char *why, size_t room) must_check;
/** lun_parse_mode() - of MODE SENSE(6) with the caching page, or only the header. */
int lun_parse_mode(const uint8_t *data, size_t len, struct lun *lun) must_check;
/** lun_parse_page() - a vital product data page: B0, B1, B2 or 83; others, and what is odd, say nothing. */
void lun_parse_page(const uint8_t *data, size_t len, struct lun *lun);
/** lun_page_listed() - whether page 00, the list of the pages, names @page. */
bool lun_page_listed(const uint8_t *data, size_t len, uint8_t page);
/** lun_identify() - make the identity unique: different targets' units may say that they are the same. */
void lun_identify(struct lun *lun, const char *target, unsigned number);
/** lun_hash() - a text's; @seed: for several independent ones. */
uint64_t lun_hash(uint64_t seed, const void *data, size_t len) must_check;

/** lun_trim_for() - the command that a BLK_DISCARD or BLK_ZEROES becomes. */
enum lun_trim lun_trim_for(const struct lun *lun, enum blk_op op) must_check;
/** lun_describe() - what the core and frontends are told. */
void lun_describe(const struct lun *lun, bool readonly, struct blk_info *info);

/* --- commands --------------------------------------------------------------------------------- */

/** lun_put() - @bytes bytes of @value, big-endian. */
void lun_put(uint8_t *at, uint64_t value, unsigned bytes);
/** lun_get() - the like. */
uint64_t lun_get(const uint8_t *at, unsigned bytes);
/** lun_command() - READ(16), WRITE(16), SYNCHRONIZE CACHE(16), WRITE SAME(16) or UNMAP of that range, in blocks. */
void lun_command(const struct lun *lun, enum blk_op op, uint64_t block, uint32_t blocks,
	uint8_t cdb[LUN_CDB]);
/** lun_unmap_list() - the parameters of an UNMAP. */
void lun_unmap_list(uint64_t block, uint32_t blocks, uint8_t list[LUN_UNMAP_LIST]);

/* --- what its answers mean ---------------------------------------------------------------------- */

/** enum lun_verdict - what becomes of a command. */
enum lun_verdict {
	LUN_DONE,      /* with the error that is named, 0 too */
	LUN_AGAIN,     /* at once: what was in the way is over */
	LUN_LATER,     /* after a pause, for a while */
	LUN_RECONNECT, /* commands may have been dropped: a new session, then all again */
};

struct lun_answer {
	enum lun_verdict verdict;
	int error;           /* of LUN_DONE, or if LUN_LATER never ends */
	bool changed;        /* the unit may have another size now */
	const char *text;    /* for the log */
};

/**
 * lun_judge() - what an answer means.
 * @status: of SCSI, or one of the library's own
 * @key, @code: of the sense data, the code with its qualifier in the low byte; of CHECK CONDITION
 */
struct lun_answer lun_judge(int status, unsigned key, unsigned code) must_check;

#endif
