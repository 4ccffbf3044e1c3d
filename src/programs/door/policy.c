// SPDX-License-Identifier: Apache-2.0

/*
 * The permissions of the command line and the profile first. Where they say "ask" or nothing, the
 * answers: those remembered and those of this run. Then the person. An answer never beats a
 * permission, however particular it is: who denies a tree today need not remember what he allowed
 * in it last year. Questions of one process about one thing are put once, however many threads
 * wait.
 *
 * A program that is interrupted (a signal, while it waits) usually tries again at once. So a
 * question that nobody waits for any more stays for a moment, and the second try joins it:
 * otherwise it would vanish and reappear under the person's hands.
 *
 * A plain "deny" holds for the run, or a program that tries in a loop would ask for ever; and more
 * questions at once than anybody could answer are denied unasked.
 */

#include "policy.h"

#include "ask.h"
#include "base/error.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/sandbox/memory.h"
#include "rules.h"

enum { THINGS_MAX = 256, NOTES_MAX = 20000, GRACE_MS = 1500 };

struct policy_ticket {
	struct policy_ticket *next;
	struct thing *thing;
	policy_answer answer;
	void *context;
};

/* What is asked for, and all that wait for it. */
struct thing {
	struct thing *next;
	struct policy *policy;
	struct ask_item *item;
	struct policy_ticket *tickets;
	struct loop_watch *grace; /* nobody waits any more */
};

struct policy {
	struct policy_settings settings;
	struct arena arena; /* of the answers' values and of the notes */
	struct permissions answers;
	struct ask *ask;
	struct thing *things;
	size_t thing_count;
	struct policy_note *notes;
	size_t note_count;
};

/* ---- rules --------------------------------------------------------------------------------- */

/* An enum permission_answer, or RULES_SILENT. */
static int look(const struct policy *policy, const struct question *question)
{
	const char *home = policy->settings.home;
	unsigned told, answered;
	int rule = rules_answer(&policy->settings.permissions, home, question, &told);
	if (rule == PERMISSION_ALLOW || rule == PERMISSION_DENY)
		return rule;
	int answer = rules_answer(&policy->answers, home, question, &answered);
	return answer == RULES_SILENT || answered < told ? rule : answer;
}

enum permission_answer policy_look(const struct policy *policy, const struct question *question)
{
	int answer = look(policy, question);
	return answer == RULES_SILENT ? PERMISSION_ASK : (enum permission_answer)answer;
}

bool policy_passes(const struct policy *policy, const char *path)
{
	const char *home = policy->settings.home;
	return rules_allow_below(&policy->settings.permissions, home, path) ||
	       rules_allow_below(&policy->answers, home, path);
}

static bool speaks_below(const struct policy *policy, const char *path)
{
	const char *home = policy->settings.home;
	return rules_speak_below(&policy->settings.permissions, home, path) ||
	       rules_speak_below(&policy->settings.granted, home, path) ||
	       rules_speak_below(&policy->answers, home, path);
}

size_t policy_whole(const struct policy *policy, const struct question *question)
{
	autofree char *path = strdup(question->value);
	if (!path)
		memory_exhausted();
	size_t length = strlen(path);
	size_t shown = question->top ? strlen(question->top) : length;
	while (shown <= length) {
		path[shown] = '\0';
		struct question tree = *question;
		tree.value = path;
		if (policy_look(policy, &tree) == PERMISSION_ALLOW && !speaks_below(policy, path))
			return shown;
		path[shown] = question->value[shown];
		if (shown == length)
			break;
		shown += 1 + strcspn(path + shown + 1, "/");
	}
	return 0;
}

static void add_answer(struct policy *policy, const struct permission *permission)
{
	struct permission rule = *permission;
	rule.value = arena_strdup(&policy->arena, permission->value);
	permissions_add(&policy->answers, &rule, &policy->arena);
}

static void remember(struct policy *policy, const struct permission *permission)
{
	const struct policy_settings *settings = &policy->settings;
	if (!settings->memory || !settings->program)
		return;
	if (memory_add(settings->memory, settings->program, permission) < 0)
		warn("this answer holds for this run only: %s", error_text());
	error_clear();
}

/* ---- notes ------------------------------------------------------------------------------------
 */

static void note(struct policy *policy, const struct question *question,
	enum permission_answer answer, bool asked)
{
	for (size_t i = policy->note_count; i-- > 0;) {
		struct policy_note *old = &policy->notes[i];
		const char *value = old->permission.value;
		if (old->permission.kind == question->kind &&
			old->permission.port == question->port &&
			(value == question->value ||
				(value && question->value && text_equal(value, question->value)))) {
			old->permission.answer = answer;
			old->asked = old->asked || asked;
			return;
		}
	}
	size_t count = policy->note_count;
	if (count >= NOTES_MAX)
		return;
	if ((count & (count - 1)) == 0) {
		struct policy_note *notes =
			arena_new(&policy->arena, struct policy_note, count ? count * 2 : 1);
		if (count)
			memcpy(notes, policy->notes, count * sizeof(*notes));
		policy->notes = notes;
	}
	policy->notes[policy->note_count++] =
		(struct policy_note){.permission = {.kind = question->kind,
					     .answer = answer,
					     .value = arena_strdup(&policy->arena, question->value),
					     .port = question->port},
			.asked = asked};
}

const struct policy_note *policy_notes(const struct policy *policy, size_t *ret_count)
{
	*ret_count = policy->note_count;
	return policy->notes;
}

/* ---- things ------------------------------------------------------------------------------------
 */

static bool is_same(const struct question *a, const struct question *b)
{
	return a->kind == b->kind && a->port == b->port && a->pid == b->pid &&
	       (a->value == b->value || (a->value && b->value && text_equal(a->value, b->value)));
}

static struct thing *find_thing(const struct policy *policy, const struct question *question)
{
	for (struct thing *thing = policy->things; thing; thing = thing->next)
		if (is_same(&thing->item->question, question))
			return thing;
	return NULL;
}

static void unlink_thing(struct thing *thing)
{
	struct thing **at = &thing->policy->things;
	while (*at != thing)
		at = &(*at)->next;
	*at = thing->next;
	thing->policy->thing_count--;
	loop_remove(take(thing->grace));
}

/* Tells all that wait and forgets the thing, whose item is the caller's. */
static void finish(struct thing *thing, enum decision decision)
{
	unlink_thing(thing);
	struct policy_ticket *ticket;
	while ((ticket = thing->tickets)) {
		thing->tickets = ticket->next;
		ticket->answer(decision, ticket->context);
		free(ticket);
	}
	free(thing);
}

/* What waits and is covered by now. */
static void settle(struct policy *policy)
{
	struct thing *thing = policy->things;
	while (thing) {
		enum permission_answer answer = policy_look(policy, &thing->item->question);
		if (answer == PERMISSION_ASK) {
			thing = thing->next;
			continue;
		}
		ask_remove(policy->ask, thing->item);
		finish(thing, answer == PERMISSION_ALLOW ? DECISION_ALLOW : DECISION_DENY);
		thing = policy->things; /* anything may have changed */
	}
}

static void on_answer(
	struct ask_item *item, enum ask_reply reply, const char *value, bool asked, void *context)
{
	struct policy *policy = context;
	struct thing *thing = item->context;
	bool allowed = reply <= ASK_ALWAYS;
	struct permission permission = {.kind = item->question.kind,
		.answer = allowed ? PERMISSION_ALLOW : PERMISSION_DENY,
		.value = value,
		.port = item->question.port};
	note(policy, &item->question, permission.answer, asked);
	bool lasts = asked && reply != ASK_ONCE;
	if (lasts)
		add_answer(policy, &permission);
	if (reply == ASK_ALWAYS || reply == ASK_NEVER)
		remember(policy, &permission);
	finish(thing, allowed ? DECISION_ALLOW : DECISION_DENY);
	if (lasts)
		settle(policy);
}

static struct thing *new_thing(struct policy *policy, const struct question *question)
{
	struct thing *thing = calloc(1, sizeof(*thing));
	if (!thing)
		memory_exhausted();
	thing->policy = policy;
	thing->item = ask_add(policy->ask, question, thing);
	struct thing **last = &policy->things;
	while (*last)
		last = &(*last)->next;
	*last = thing;
	policy->thing_count++;
	return thing;
}

/* ---- deciding ------------------------------------------------------------------------------ */

static struct policy_ticket *wait_for(
	struct policy *policy, const struct question *question, policy_answer answer, void *context)
{
	struct thing *thing = find_thing(policy, question);
	struct policy_ticket *ticket = calloc(1, sizeof(*ticket));
	if (!ticket)
		memory_exhausted();
	if (!thing)
		thing = new_thing(policy, question);
	loop_remove(take(thing->grace));
	*ticket = (struct policy_ticket){thing->tickets, thing, answer, context};
	thing->tickets = ticket;
	return ticket;
}

/* What no permission speaks of is as the settings say; "ask" always means it. */
static bool is_to_be_asked(const struct policy *policy, int known)
{
	enum policy_otherwise otherwise = policy->settings.otherwise;
	bool wanted = known == PERMISSION_ASK ? otherwise != POLICY_ALLOW
					      : known == RULES_SILENT && otherwise == POLICY_ASK;
	return wanted && ask_possible(policy->ask) && policy->thing_count < THINGS_MAX;
}

struct policy_ticket *policy_decide(
	struct policy *policy, const struct question *question, policy_answer answer, void *context)
{
	int known = look(policy, question);
	if (is_to_be_asked(policy, known))
		return wait_for(policy, question, answer, context);
	bool told = known == PERMISSION_ALLOW || known == PERMISSION_DENY;
	if (!told)
		known = policy->settings.otherwise == POLICY_ALLOW ? PERMISSION_ALLOW
								   : PERMISSION_DENY;
	if (!told || known == PERMISSION_DENY)
		note(policy, question, (enum permission_answer)known, told);
	answer(known == PERMISSION_ALLOW ? DECISION_ALLOW : DECISION_DENY, context);
	return NULL;
}

static int on_grace(struct loop_watch *watch, void *context)
{
	(void)watch;
	struct thing *thing = context;
	ask_remove(thing->policy->ask, thing->item);
	finish(thing, DECISION_DENY); /* tells nobody */
	return 0;
}

void policy_withdraw(struct policy *policy, struct policy_ticket *ticket)
{
	struct thing *thing = ticket->thing;
	struct policy_ticket **at = &thing->tickets;
	while (*at != ticket)
		at = &(*at)->next;
	*at = ticket->next;
	free(ticket);
	if (thing->tickets)
		return;
	if (loop_add_timer_ms(policy->ask->loop, GRACE_MS, 0, on_grace, thing, &thing->grace) < 0) {
		error_clear();
		(void)on_grace(NULL, thing);
	}
}

/* ---- life ------------------------------------------------------------------------------------ */

static void recall(struct policy *policy)
{
	struct memory memory;
	if (!policy->settings.memory)
		return;
	if (memory_read(policy->settings.memory, &policy->arena, &memory) < 0) {
		warn("nothing is remembered: %s", error_text());
		error_clear();
		return;
	}
	for (size_t i = 0; i < memory.answers.count; i++)
		add_answer(policy, &memory.answers.items[i]);
}

int policy_new(const struct policy_settings *settings, struct ask *ask, struct policy **ret)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	if (!policy)
		memory_exhausted();
	policy->settings = *settings;
	policy->ask = ask;
	recall(policy);
	ask_listen(ask, on_answer, policy);
	*ret = policy;
	return 0;
}

void policy_withdraw_all(struct policy *policy)
{
	while (policy && policy->things) {
		struct thing *thing = policy->things;
		ask_remove(policy->ask, thing->item);
		finish(thing, DECISION_DENY);
	}
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	arena_fini(&policy->arena);
	free(policy);
}
