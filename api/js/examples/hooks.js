// For React: a user's badge and list as hooks. The store is made for useSyncExternalStore;
// other frameworks take it in the same way (in Svelte it is $store as it is).
//
//   import { useSyncExternalStore } from "react";
//   const { useUnread, useConversations } = hooks(new Reddot({ token }).user(), useSyncExternalStore);
//   const Badge = () => <b>{useUnread()}</b>;

export function hooks(user, useSyncExternalStore) {
  const store = user.store();
  const use = (select) => useSyncExternalStore(store.subscribe, () => select(store.getSnapshot()));
  return {
    /** The number on the icon; undefined until it is known. */
    useUnread: () => use(({ totals }) => totals?.unread),
    /** Newest activity first; the same list until one of them has changed. */
    useConversations: () => use(({ conversations }) => conversations),
    /** Whether what is shown may be old. */
    useIsCurrent: () => use(({ state }) => state === "live"),
  };
}
