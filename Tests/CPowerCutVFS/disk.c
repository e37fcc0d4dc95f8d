#include "disk.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512, NAMES = 16, NAME_LENGTH = 64, PENDING = 64, INDEX_SIZE = 32768 };

typedef struct {
    char name[NAME_LENGTH];
    inode *node; // NULL: removed
} entry;

static char root[1024];
static inode *inodes;
static entry present[NAMES], certain[NAMES], pending[PENDING];
static int pending_count;

uint64_t disk_random(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static int chance(uint64_t *state, int percent) { return (int)(disk_random(state) % 100) < percent; }

static void set(entry *table, const char *name, inode *node) {
    entry *hole = 0;
    for (entry *e = table; e < table + NAMES; e++) {
        if (e->node && !strcmp(e->name, name)) { e->node = node; return; }
        if (!e->node && !hole) hole = e;
    }
    if (!node) return;
    if (!hole) abort();
    strcpy(hole->name, name);
    hole->node = node;
}

static void note(const char *name, inode *node) {
    set(present, name, node);
    if (pending_count == PENDING) abort();
    strcpy(pending[pending_count].name, name);
    pending[pending_count++].node = node;
}

static inode *new_inode(void) {
    inode *node = calloc(1, sizeof *node);
    node->next = inodes;
    inodes = node;
    return node;
}

static unsigned char *load(const char *path, int64_t *length) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status)) abort();
    unsigned char *content = malloc(status.st_size + 1);
    *length = read(file, content, status.st_size);
    close(file);
    return content;
}

void disk_reset(const char *directory) {
    for (inode *node = inodes, *next; node; node = next) {
        next = node->next;
        disk_lose_changes(node);
        free(node->content);
        free(node->changes);
        free(node);
    }
    inodes = 0;
    pending_count = 0;
    memset(present, 0, sizeof present);
    snprintf(root, sizeof root, "%s/", directory);
    DIR *files = opendir(directory);
    for (struct dirent *file; files && (file = readdir(files));) {
        if (file->d_type != DT_REG || strlen(file->d_name) >= NAME_LENGTH) continue;
        char path[2048];
        snprintf(path, sizeof path, "%s%s", root, file->d_name);
        inode *node = new_inode();
        node->content = load(path, &node->length);
        set(present, file->d_name, node);
    }
    if (files) closedir(files);
    disk_synchronize_names();
}

const char *disk_name(const char *path) {
    size_t length = strlen(root);
    if (!path || !length || strncmp(path, root, length) || strchr(path + length, '/')) return 0;
    return strlen(path + length) < NAME_LENGTH ? path + length : 0;
}

inode *disk_find(const char *name) {
    for (entry *e = present; e < present + NAMES; e++)
        if (e->node && !strcmp(e->name, name)) return e->node;
    return 0;
}

inode *disk_create(const char *name) {
    inode *node = new_inode();
    note(name, node);
    return node;
}

void disk_remove(const char *name) {
    if (disk_find(name)) note(name, 0);
}

void disk_synchronize_names(void) {
    memcpy(certain, present, sizeof certain);
    pending_count = 0;
}

void disk_change(inode *node, int64_t offset, const void *data, int64_t length) {
    node->changes = realloc(node->changes, sizeof(change) * (node->count + 1));
    change *c = &node->changes[node->count++];
    *c = (change){offset, length, 0};
    if (data) memcpy(c->data = malloc(length + 1), data, length);
}

typedef struct {
    unsigned char *bytes;
    int64_t length;
} image;

static void resize(image *i, int64_t length) {
    if (length > i->length) {
        i->bytes = realloc(i->bytes, length + 1);
        memset(i->bytes + i->length, 0, length - i->length);
    }
    i->length = length;
}

static void put(image *i, int64_t offset, const unsigned char *data, int64_t length) {
    if (offset + length > i->length) resize(i, offset + length);
    memcpy(i->bytes + offset, data, length);
}

// The content after some of the changes: `keep` percent of the sectors, or of whole writes.
static image survivors(const inode *node, int keep, uint64_t *random) {
    image i = {malloc(node->length + 1), node->length};
    if (node->length) memcpy(i.bytes, node->content, node->length);
    int by_sector = chance(random, 60);
    int64_t full = node->length;
    for (const change *c = node->changes; c < node->changes + node->count; c++) {
        if (!c->data) {
            full = c->offset;
            if (chance(random, keep)) resize(&i, c->offset);
            continue;
        }
        if (c->offset + c->length > full) full = c->offset + c->length;
        if (!by_sector) {
            if (chance(random, keep)) put(&i, c->offset, c->data, c->length);
            continue;
        }
        for (int64_t at = 0, piece; at < c->length; at += piece) {
            piece = SECTOR - (c->offset + at) % SECTOR;
            if (piece > c->length - at) piece = c->length - at;
            if (chance(random, keep)) put(&i, c->offset + at, c->data + at, piece);
        }
    }
    if (full > i.length && keep > 0 && chance(random, 25)) resize(&i, full);
    return i;
}

void disk_synchronize(inode *node) {
    uint64_t unused = 0;
    image all = survivors(node, 100, &unused);
    disk_lose_changes(node);
    free(node->content);
    node->content = all.bytes;
    node->length = all.length;
}

void disk_lose_changes(inode *node) {
    for (int i = 0; i < node->count; i++) free(node->changes[i].data);
    node->count = 0;
}

static void clear(const char *directory) {
    DIR *files = opendir(directory);
    for (struct dirent *file; files && (file = readdir(files));) {
        char path[2048];
        snprintf(path, sizeof path, "%s/%s", directory, file->d_name);
        if (file->d_type == DT_REG) unlink(path);
    }
    if (files) closedir(files);
}

// The index of the write-ahead log is never synchronized and must not be trusted.
static image garbage(uint64_t *random) {
    image i = {malloc(INDEX_SIZE), INDEX_SIZE};
    for (int at = 0; at < INDEX_SIZE; at += 8) {
        uint64_t word = disk_random(random);
        memcpy(i.bytes + at, &word, 8);
    }
    return i;
}

static int ends_with(const char *name, const char *ending) {
    size_t n = strlen(name), e = strlen(ending);
    return n >= e && !strcmp(name + n - e, ending);
}

int disk_write_image(const char *destination, int keep, uint64_t seed) {
    uint64_t random = seed;
    entry names[NAMES];
    memcpy(names, certain, sizeof names);
    int happened = keep == 0 ? 0 : keep == 100 ? pending_count : (int)(disk_random(&random) % (pending_count + 1));
    for (int n = 0; n < happened; n++) set(names, pending[n].name, pending[n].node);
    clear(destination);
    for (entry *e = names; e < names + NAMES; e++) {
        if (!e->node) continue;
        char path[2048];
        image content;
        snprintf(path, sizeof path, "%s%s", root, e->name);
        if (ends_with(e->name, "-shm")) content = garbage(&random);
        else if (ends_with(e->name, ".lock")) content.bytes = load(path, &content.length);
        else content = survivors(e->node, keep, &random);
        snprintf(path, sizeof path, "%s/%s", destination, e->name);
        int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int64_t written = file < 0 ? -1 : write(file, content.bytes, content.length);
        if (file >= 0) close(file);
        free(content.bytes);
        if (written != content.length) return 1;
    }
    return 0;
}
