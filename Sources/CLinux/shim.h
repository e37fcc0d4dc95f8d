// What the Glibc module does not export: epoll, accept4, eventfd.
#pragma once
#include <sys/epoll.h>
#include <sys/eventfd.h>
