#include "powercut.h"
#include "disk.h"
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    sqlite3_file base;
    inode *node; // NULL: not in the directory, and so passed on only
    int is_log, has_index;
    char name[64];
    sqlite3_file *real;
} file;

static sqlite3_vfs *under, vfs;
static char lock_path[1024];
static void (*callback)(void *, int);
static void *callback_context;
static int omits_commit_syncs;
static int fault, has_injected;
static int64_t fault_after, counts[POWERCUT_CALLS];
static uint64_t fault_random;
static inode *unsynchronized_log;

#define REAL(f) (((file *)(f))->real)
#define CALL(f, method, ...) REAL(f)->pMethods->method(REAL(f), ##__VA_ARGS__)

static void report(int call) {
    if (callback) callback(callback_context, call);
}

// Whether the fault `kind` happens at this call.
static int fails(int kind) {
    if (fault != kind) return 0;
    if (fault_after > 0) return fault_after--, 0;
    has_injected = 1;
    if (kind != POWERCUT_DISK_FULL) fault = POWERCUT_NO_FAULT;
    return 1;
}

static int xClose(sqlite3_file *f) {
    int code = CALL(f, xClose);
    sqlite3_free(REAL(f));
    return code;
}

static int xRead(sqlite3_file *f, void *bytes, int length, sqlite3_int64 offset) {
    int code = CALL(f, xRead, bytes, length, offset);
    if (!((file *)f)->node) return code;
    counts[POWERCUT_READ]++;
    if (fails(POWERCUT_READ_ERROR)) return SQLITE_IOERR_READ;
    if (fails(POWERCUT_SHORT_READ)) {
        int got = (int)(disk_random(&fault_random) % length);
        memset((char *)bytes + got, 0, length - got);
        return SQLITE_IOERR_SHORT_READ;
    }
    if (fails(POWERCUT_FLIPPED_BIT)) {
        uint64_t bit = disk_random(&fault_random) % ((uint64_t)length * 8);
        ((unsigned char *)bytes)[bit / 8] ^= 1 << (bit % 8);
    }
    return code;
}

static int xWrite(sqlite3_file *f, const void *bytes, int length, sqlite3_int64 offset) {
    inode *node = ((file *)f)->node;
    if (!node) return CALL(f, xWrite, bytes, length, offset);
    if (!((file *)f)->is_log && unsynchronized_log) {
        disk_synchronize(unsynchronized_log);
        unsynchronized_log = 0;
    }
    counts[POWERCUT_WRITE]++;
    int error = fails(POWERCUT_WRITE_ERROR) ? SQLITE_IOERR_WRITE : fails(POWERCUT_DISK_FULL) ? SQLITE_FULL : 0;
    // A write that fails may have happened in part, but not within a sector.
    if (error) length = (int)((offset + length / 2) / 512 * 512 - offset);
    if (length <= 0) return error;
    disk_change(node, offset, bytes, length);
    report(POWERCUT_WRITE);
    int code = CALL(f, xWrite, bytes, length, offset);
    return error ? error : code;
}

static int xTruncate(sqlite3_file *f, sqlite3_int64 length) {
    inode *node = ((file *)f)->node;
    if (node) {
        counts[POWERCUT_TRUNCATE]++;
        if (fails(POWERCUT_TRUNCATE_ERROR)) return SQLITE_IOERR_TRUNCATE;
        disk_change(node, length, 0, 0);
        report(POWERCUT_TRUNCATE);
    }
    return CALL(f, xTruncate, length);
}

static int xSync(sqlite3_file *f, int flags) {
    inode *node = ((file *)f)->node;
    if (!node) return CALL(f, xSync, flags);
    counts[POWERCUT_SYNC]++;
    report(POWERCUT_SYNC);
    if (fails(POWERCUT_SYNC_ERROR)) {
        disk_lose_changes(node);
        return SQLITE_IOERR_FSYNC;
    }
    sqlite3_int64 length = 0;
    CALL(f, xFileSize, &length);
    if (omits_commit_syncs && ((file *)f)->is_log && length > 32) {
        unsynchronized_log = node;
        return SQLITE_OK;
    }
    disk_synchronize(node);
    if (node->synchronizes_directory) {
        node->synchronizes_directory = 0;
        disk_synchronize_names();
    }
    return SQLITE_OK;
}

static int xFileSize(sqlite3_file *f, sqlite3_int64 *length) { return CALL(f, xFileSize, length); }
static int xLock(sqlite3_file *f, int level) { return CALL(f, xLock, level); }
static int xUnlock(sqlite3_file *f, int level) { return CALL(f, xUnlock, level); }
static int xCheckReservedLock(sqlite3_file *f, int *result) { return CALL(f, xCheckReservedLock, result); }
static int xFileControl(sqlite3_file *f, int code, void *argument) { return CALL(f, xFileControl, code, argument); }
static int xSectorSize(sqlite3_file *f) { (void)f; return 512; }
// What the default VFS says of every disk: a write leaves the rest of a torn sector alone.
static int xDeviceCharacteristics(sqlite3_file *f) { (void)f; return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
static int xShmLock(sqlite3_file *f, int offset, int n, int flags) { return CALL(f, xShmLock, offset, n, flags); }
static void xShmBarrier(sqlite3_file *f) { CALL(f, xShmBarrier); }

static void index_name(const file *f, char name[80]) { strcat(strcpy(name, f->name), "-shm"); }

static int xShmMap(sqlite3_file *f, int page, int size, int extend, void volatile **address) {
    int code = CALL(f, xShmMap, page, size, extend, address);
    char name[80];
    index_name((file *)f, name);
    if (((file *)f)->node && !((file *)f)->has_index) {
        ((file *)f)->has_index = 1;
        if (!disk_find(name)) disk_create(name);
    }
    return code;
}

static int xShmUnmap(sqlite3_file *f, int removes) {
    char name[80];
    index_name((file *)f, name);
    int code = CALL(f, xShmUnmap, removes);
    ((file *)f)->has_index = 0;
    // Another connection may still use it.
    char path[1200];
    strcpy(path, lock_path);
    strcpy(strrchr(path, '/') + 1, name);
    if (((file *)f)->node && removes && access(path, F_OK)) disk_remove(name);
    return code;
}

static const sqlite3_io_methods methods = {
    2, xClose, xRead, xWrite, xTruncate, xSync, xFileSize, xLock, xUnlock, xCheckReservedLock, xFileControl,
    xSectorSize, xDeviceCharacteristics, xShmMap, xShmLock, xShmBarrier, xShmUnmap, 0, 0};

static int xOpen(sqlite3_vfs *self, sqlite3_filename path, sqlite3_file *f, int flags, int *opened) {
    (void)self;
    file *mine = (file *)f;
    memset(mine, 0, sizeof *mine);
    mine->real = sqlite3_malloc(under->szOsFile);
    if (!mine->real) return SQLITE_NOMEM;
    memset(mine->real, 0, under->szOsFile);
    int code = under->xOpen(under, path, mine->real, flags, opened);
    if (code != SQLITE_OK) {
        sqlite3_free(mine->real);
        return code;
    }
    const char *name = disk_name(path);
    if (name) {
        // Whoever takes the lock creates its file before SQLite is called.
        if (!disk_find("node.lock") && !access(lock_path, F_OK)) disk_create("node.lock");
        mine->is_log = (flags & SQLITE_OPEN_WAL) != 0;
        strcpy(mine->name, name);
        mine->node = disk_find(name);
        if (!mine->node) {
            mine->node = disk_create(name);
            // The default VFS does so for files that must not vanish.
            mine->node->synchronizes_directory = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
        } else if (mine->is_log) {
            // Whoever shortened it beside SQLite synchronized it as well.
            sqlite3_int64 length = 0;
            mine->real->pMethods->xFileSize(mine->real, &length);
            if (!mine->node->count && length < mine->node->length) mine->node->length = length;
        }
    }
    mine->base.pMethods = &methods;
    return SQLITE_OK;
}

static int xDelete(sqlite3_vfs *self, const char *path, int synchronizes) {
    (void)self;
    const char *name = disk_name(path);
    if (!name) return under->xDelete(under, path, synchronizes);
    counts[POWERCUT_DELETE]++;
    if (disk_find(name) == unsynchronized_log) unsynchronized_log = 0;
    disk_remove(name);
    report(POWERCUT_DELETE);
    int code = under->xDelete(under, path, 0);
    if (synchronizes) disk_synchronize_names();
    return code;
}

int powercut_register(void) {
    if (under) return SQLITE_OK;
    under = sqlite3_vfs_find(0);
    vfs = *under;
    vfs.zName = "powercut";
    vfs.pNext = 0;
    vfs.szOsFile = sizeof(file);
    vfs.xOpen = xOpen;
    vfs.xDelete = xDelete;
    return sqlite3_vfs_register(&vfs, 0);
}

void powercut_begin(const char *directory) {
    disk_reset(directory);
    strcat(strcpy(lock_path, directory), "/node.lock");
    memset(counts, 0, sizeof counts);
    callback = 0;
    unsynchronized_log = 0;
    fault = POWERCUT_NO_FAULT;
    has_injected = 0;
}

void powercut_directory_synchronized(void) { disk_synchronize_names(); }
void powercut_on_call(void (*function)(void *, int), void *context) { callback = function; callback_context = context; }
void powercut_omit_commit_syncs(int is_on) { omits_commit_syncs = is_on; }
int powercut_image(const char *destination, int keep, uint64_t seed) { return disk_write_image(destination, keep, seed); }
int powercut_has_injected(void) { return has_injected; }
int64_t powercut_count(int call) { return counts[call]; }

void powercut_inject(int kind, int64_t calls, uint64_t seed) {
    fault = kind;
    fault_after = calls;
    fault_random = seed;
    has_injected = 0;
}
