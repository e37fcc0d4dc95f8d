#pragma once
#include <stdint.h>

// A SQLite VFS named "powercut" over the default one, for one directory at a time and one thread. Files are written
// through, so that whoever reads them sees what SQLite wrote; beside them it remembers what was synchronized, and so
// knows everything that the disk may hold when the power goes.
//
// The model of the disk: what was written and not synchronized may be there or not, each sector of 512 bytes by itself,
// each truncation by itself; a file may have its new length without its new content. Names in the directory appear and
// vanish in the order of the calls (file systems journal them), and are certain once the directory was synchronized.

enum powercut_call { POWERCUT_READ, POWERCUT_WRITE, POWERCUT_TRUNCATE, POWERCUT_SYNC, POWERCUT_DELETE, POWERCUT_CALLS };

enum powercut_fault {
    POWERCUT_NO_FAULT,
    POWERCUT_READ_ERROR,
    POWERCUT_SHORT_READ,
    POWERCUT_FLIPPED_BIT,
    POWERCUT_WRITE_ERROR,
    POWERCUT_DISK_FULL,      // from that write on
    POWERCUT_TRUNCATE_ERROR,
    POWERCUT_SYNC_ERROR,     // what was to be synchronized is lost
};

int powercut_register(void);

// Follows `directory` from its present content on, which counts as synchronized. Ends faults and callbacks.
void powercut_begin(const char *directory);
// Somebody beside SQLite synchronized the directory.
void powercut_directory_synchronized(void);
// Called while a call that changes the disk is under way: it may have happened, or not, or in part.
void powercut_on_call(void (*callback)(void *context, int call), void *context);
// As synchronous=NORMAL has it: a commit does not synchronize the write-ahead log, moving it into the database does.
void powercut_omit_commit_syncs(int is_on);
// Replaces the content of `destination` by what a disk may hold if the power goes now. 0 when that succeeded.
int powercut_image(const char *destination, int keep_percent, uint64_t seed);
// The fault happens once `calls` more calls of its kind have succeeded.
void powercut_inject(int fault, int64_t calls, uint64_t seed);
int powercut_has_injected(void);
int64_t powercut_count(int call);
