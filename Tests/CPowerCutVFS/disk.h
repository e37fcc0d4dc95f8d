#pragma once
#include <stdint.h>

// A file's content as of its last synchronization, and what was done to it since.
typedef struct {
    int64_t offset, length;
    unsigned char *data; // NULL for a truncation to `offset`
} change;

typedef struct inode {
    struct inode *next;
    unsigned char *content;
    int64_t length;
    change *changes;
    int count;
    int synchronizes_directory; // its first synchronization makes its name certain, and all others
} inode;

void disk_reset(const char *directory);
// The name within the directory; NULL for a path elsewhere.
const char *disk_name(const char *path);
inode *disk_find(const char *name);
inode *disk_create(const char *name);
void disk_remove(const char *name);
void disk_synchronize_names(void);
void disk_change(inode *node, int64_t offset, const void *data, int64_t length);
void disk_synchronize(inode *node);
void disk_lose_changes(inode *node);
int disk_write_image(const char *destination, int keep_percent, uint64_t seed);
uint64_t disk_random(uint64_t *state);
